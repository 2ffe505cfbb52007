package payload

import (
	"debug/elf"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestMissingProgramNamesTheRemedy(t *testing.T) {
	_, err := read(fstest.MapFS{"bin/.keep": {}}, "testbed-agent")
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "make build") {
		t.Errorf("read of an empty payload: %v, want ErrMissing with `make build`", err)
	}
	if _, err := digest(nil, err); !errors.Is(err, ErrMissing) {
		t.Errorf("digest of a missing program: %v, want ErrMissing", err)
	}
}

func TestDigest(t *testing.T) {
	got, err := digest([]byte("abc"), nil)
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, B.1.
	if err != nil || got != want {
		t.Errorf("digest(abc) = %q, %v, want %q", got, err, want)
	}
}

// What travels must run in a guest that has no C library, and stay small,
// because it travels on every run.
func TestProgramsAreStaticAndSmall(t *testing.T) {
	programs := map[string]struct {
		read  func() ([]byte, error)
		limit int
	}{
		"testbed-agent": {Agent, 8 << 20},
		"testbed-init":  {Init, 12 << 20},
	}
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			data, err := program.read()
			if errors.Is(err, ErrMissing) && os.Getenv("TESTBED_BUILT") == "" {
				t.Skip("this checkout is not built: run `make build`")
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(data) > program.limit {
				t.Errorf("%s has %d bytes, want at most %d", name, len(data), program.limit)
			}
			file, err := elf.NewFile(strings.NewReader(string(data)))
			if err != nil {
				t.Fatal(err)
			}
			if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 || file.Section(".interp") != nil {
				t.Errorf("%s needs %v (%v), want a static program", name, libraries, err)
			}
		})
	}
}
