package archivetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

// Package is a binary package to be made.
type Package struct {
	Name, Version, Section, Depends string
	Provides                        string
	Source                          string            // As in the field; empty: the package's own name.
	Compression                     string            // Of the data: "xz" (default), "zst" or "gz".
	Files                           map[string]string // Content by path; "-> target" makes a link.
}

func (p Package) build(t *testing.T) []byte {
	t.Helper()
	compression := firstOf(p.Compression, "xz")
	var deb bytes.Buffer
	deb.WriteString("!<arch>\n")
	member(&deb, "debian-binary", []byte("2.0\n"))
	member(&deb, "control.tar.gz", compress(t, "gz", tarOf(t, map[string]string{"./control": p.control()})))
	member(&deb, "data.tar."+compression, compress(t, compression, tarOf(t, p.Files)))
	return deb.Bytes()
}

func (p Package) control() string {
	text := "Package: " + p.Name + "\nVersion: " + p.Version + "\n"
	if p.Source != "" {
		text += "Source: " + p.Source + "\n"
	}
	return text
}

func member(w *bytes.Buffer, name string, content []byte) {
	fmt.Fprintf(w, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, 0, 0, 0, "100644", len(content))
	w.Write(content)
	if len(content)%2 == 1 {
		w.WriteByte('\n')
	}
}

func tarOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: "./" + strings.TrimPrefix(name, "./"), Mode: 0o755, Typeflag: tar.TypeReg, Size: int64(len(files[name]))}
		target, isLink := strings.CutPrefix(files[name], "-> ")
		if isLink {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		require.NoError(t, w.WriteHeader(h))
		if !isLink {
			_, err := io.WriteString(w, files[name])
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func compress(t *testing.T, how string, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch how {
	case "xz":
		// A real one's window of 8 MB would be most of a test's time.
		w, err = xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&out)
	case "zst":
		w, err = zstd.NewWriter(&out)
	case "gz":
		w = gzip.NewWriter(&out)
	}
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// Compress compresses as Debian compresses modules: "xz", "zst" or "gz".
func Compress(t *testing.T, how, content string) string {
	t.Helper()
	return string(compress(t, how, []byte(content)))
}
