package newc

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/cavaliergopher/cpio"
	"github.com/stretchr/testify/require"
)

func sample() *Tree {
	t := &Tree{}
	t.File("/usr/bin/tool", 0o755, []byte("odd"))
	t.Symlink("bin", "usr/bin")
	t.Dir("tmp", 0o777|fs.ModeSticky)
	t.CharDevice("dev/console", 0o600, 5, 1)
	return t
}

// TestArchive is read by another's reader.
func TestArchive(t *testing.T) {
	var out bytes.Buffer
	n, err := sample().WriteTo(&out)
	require.NoError(t, err)
	require.EqualValues(t, out.Len(), n)
	require.NoError(t, Close(&out, n))
	require.Zero(t, out.Len()%Align)

	type seen struct {
		mode cpio.FileMode
		text string
	}
	got := map[string]seen{}
	var order []string
	r := cpio.NewReader(bytes.NewReader(out.Bytes()))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		got[h.Name] = seen{h.Mode, string(content) + h.Linkname}
		order = append(order, h.Name)
	}
	require.Equal(t, []string{"bin", "dev", "dev/console", "tmp", "usr", "usr/bin", "usr/bin/tool"}, order, "folders come before what is in them")
	require.Equal(t, seen{cpio.TypeReg | 0o755, "odd"}, got["usr/bin/tool"])
	require.Equal(t, seen{cpio.TypeSymlink | 0o777, "usr/bin"}, got["bin"])
	require.Equal(t, seen{cpio.TypeDir | cpio.ModeSticky | 0o777, ""}, got["tmp"])
	require.Equal(t, seen{cpio.TypeChar | 0o600, ""}, got["dev/console"])
	// That reader does not read device numbers: the 10th and 11th field.
	console := out.Bytes()[bytes.Index(out.Bytes(), []byte("dev/console"))-110:]
	require.Equal(t, "0000000500000001", string(console[6+9*8:6+11*8]))
}

func TestReproducible(t *testing.T) {
	var a, b bytes.Buffer
	_, err := sample().WriteTo(&a)
	require.NoError(t, err)
	_, err = sample().WriteTo(&b)
	require.NoError(t, err)
	require.Equal(t, a.Bytes(), b.Bytes())
}

type fullDisk struct{ left int }

var errFull = errors.New("full")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFullDisk(t *testing.T) {
	for left := range 400 {
		w := &fullDisk{left: left}
		n, err := sample().WriteTo(w)
		if err == nil {
			err = Close(w, n)
		}
		require.ErrorIs(t, err, errFull)
	}
}
