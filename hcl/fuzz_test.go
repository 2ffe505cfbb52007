package hcl_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/testbed"
)

// Whatever the text is: no panic, a file or an error, places inside the text,
// and a layout that stays.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.hcl", "../examples/*.hcl", "../examples/papers/*.hcl"} {
		seeds, err := filepath.Glob(pattern)
		if err != nil || len(seeds) == 0 {
			f.Fatalf("no seeds in %s: %v", pattern, err)
		}
		for _, path := range seeds {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, diags := hcl.Parse(text, "fuzz.hcl", hcl.Options{})
		if (file == nil) != diags.HasErrors() {
			t.Fatalf("file %v, errors %v", file != nil, diags.HasErrors())
		}
		checkPlaces(t, text, diags)
		if file != nil {
			checkPredicates(t, file)
		}
		formatted, wrong := hcl.Format(text, "fuzz.hcl")
		if wrong.HasErrors() {
			return
		}
		if again, _ := hcl.Format(formatted, "fuzz.hcl"); !bytes.Equal(formatted, again) {
			t.Fatalf("format is not stable: %q, then %q", formatted, again)
		}
	})
}

func checkPlaces(t *testing.T, text []byte, diags *hcl.Diagnostics) {
	t.Helper()
	for _, d := range diags.List() {
		r := d.Range
		if r == (testbed.Range{}) {
			continue
		}
		if r.StartByte < 0 || r.StartByte > r.EndByte || r.EndByte > len(text) || r.StartLine < 1 || r.StartColumn < 1 {
			t.Fatalf("%s: range %+v is outside of %d bytes", d.Summary, r, len(text))
		}
		if d.Summary == "" || d.Detail == "" {
			t.Fatalf("a diagnostic without words: %+v", d)
		}
	}
	if err := diags.Write(io.Discard, 80, true); err != nil {
		t.Fatal(err)
	}
}

func checkPredicates(t *testing.T, file *hcl.File) {
	t.Helper()
	if len(file.Predicates()) != len(file.Lab.Cells) {
		t.Fatalf("%d lists of predicates for %d cells", len(file.Predicates()), len(file.Lab.Cells))
	}
	for _, cell := range file.Predicates() {
		for _, p := range cell {
			p(func(testbed.Metric) (float64, bool) { return 1, true })
		}
	}
}
