package images

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/testbed"
)

// keep keeps an image of the lab's lock in a folder, as a bundle's is after unpacking.
func (l *lab) keep(image testbed.Image, change func(*Options)) (dir string, err error) {
	lock, err := ReadLock(l.lock)
	require.NoError(l.t, err)
	files, err := l.store(change).Keep(deadline(l.t), image, lock)
	if err != nil {
		return "", err
	}
	dir = l.t.TempDir()
	for _, f := range files {
		if f.From != "" {
			f.Data = readFile(l.t, f.From)
		}
		name := filepath.Join(dir, f.Path)
		require.NoError(l.t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(l.t, os.WriteFile(name, f.Data, 0o644))
	}
	return dir, nil
}

// elsewhere is a builder that was asked.
type elsewhere struct {
	asked int
	built *Built
	err   error
}

func (e *elsewhere) Build(context.Context, testbed.Image, *Lock) (*Built, error) {
	e.asked++
	return e.built, e.err
}

func (l *lab) take(dir string, image testbed.Image, otherwise *elsewhere, sink progress.Sink) (*Built, error) {
	lock, err := ReadLock(l.lock)
	require.NoError(l.t, err)
	return Kept{Dir: dir, Progress: sink, Else: otherwise}.Build(deadline(l.t), image, lock)
}

// What is kept is what was built, and says which source packages it came from.
func TestKeep(t *testing.T) {
	l := newLab(t)
	built, err := l.build(trixie, nil)
	require.NoError(t, err)
	dir, err := l.keep(trixie, nil)
	require.NoError(t, err)
	at := filepath.Join(dir, "images/debian")
	require.Equal(t, readFile(t, built.Kernel), readFile(t, filepath.Join(at, "vmlinuz")))
	require.Equal(t, readFile(t, built.Root), readFile(t, filepath.Join(at, "root.cpio")))
	require.NoFileExists(t, filepath.Join(at, "packages.erofs"))

	var sources []source
	require.NoError(t, json.Unmarshal(readFile(t, filepath.Join(at, "sources.json")), &sources))
	by := map[string]source{}
	for _, s := range sources {
		require.NotEmpty(t, s.SHA256)
		by[s.Package] = s
	}
	kernel := by["linux-image-"+oldRelease]
	require.Equal(t, []string{"kernel", "linux-signed-amd64", "6.12.1+1"}, []string{kernel.Part, kernel.Source, kernel.SourceVersion})
	libc := by["libc6"]
	require.Equal(t, []string{"userland", "glibc", "1.0-1"}, []string{libc.Part, libc.Source, libc.SourceVersion}, "a source of another name and the same version")
	require.Equal(t, "ethtool", by["ethtool"].Source, "a package that names no source is built from its own")

	otherwise := &elsewhere{}
	taken, err := l.take(dir, trixie, otherwise, nil)
	require.NoError(t, err)
	require.Zero(t, otherwise.asked, "nothing is built")
	require.Equal(t, filepath.Join(at, "vmlinuz"), taken.Kernel)
	require.Equal(t, []any{built.Digest, built.Release, built.Facts, ""}, []any{taken.Digest, taken.Release, taken.Facts, taken.Disk})
}

// Another testbed builds otherwise; what was measured is kept all the same.
func TestKeepFindsWhatWasMeasured(t *testing.T) {
	l := newLab(t)
	built, err := l.build(trixie, nil)
	require.NoError(t, err)
	measured := [][]byte{readFile(t, built.Kernel), readFile(t, built.Root)}
	holds := func(dir string) {
		at := filepath.Join(dir, "images/debian")
		require.Equal(t, measured, [][]byte{readFile(t, filepath.Join(at, "vmlinuz")), readFile(t, filepath.Join(at, "root.cpio"))})
	}
	newer := func(o *Options) { o.Init = append(o.Init, 1) }
	dir, err := l.keep(trixie, newer)
	require.NoError(t, err)
	holds(dir)

	require.NoError(t, os.RemoveAll(filepath.Join(l.cache, imageDir)))
	require.NoError(t, os.Mkdir(filepath.Join(l.cache, imageDir), 0o755))
	_, err = l.keep(trixie, newer)
	require.ErrorContains(t, err, `keep image "debian": the cache does not have it any more, and what this testbed builds of the same packages are other bytes`)
	dir, err = l.keep(trixie, nil)
	require.NoError(t, err, "the same testbed builds it again")
	holds(dir) // Though another one's lies in the cache.
	_, err = l.keep(testbed.Image{Name: "other", Release: "trixie"}, nil)
	require.ErrorContains(t, err, "the lock does not have it")
}

func TestKeepDisk(t *testing.T) {
	l := newEngineLab(t)
	built, err := l.build(engineImage, nil)
	require.NoError(t, err)
	dir, err := l.keep(engineImage, nil)
	require.NoError(t, err)
	taken, err := l.take(dir, engineImage, &elsewhere{}, nil)
	require.NoError(t, err)
	require.Equal(t, readFile(t, built.Disk), readFile(t, taken.Disk))
	require.Equal(t, built.Facts, taken.Facts)
}

// A kept image is taken only where it is what the lock pins, byte by byte.
func TestKeptIsVerified(t *testing.T) {
	l := newLab(t)
	_, err := l.build(trixie, nil)
	require.NoError(t, err)
	dir, err := l.keep(trixie, nil)
	require.NoError(t, err)
	root := filepath.Join(dir, "images/debian/root.cpio")
	data := readFile(t, root)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(root, data, 0o644))
	_, err = l.take(dir, trixie, &elsewhere{}, nil)
	require.ErrorContains(t, err, `take the kept image "debian": the SHA-256 of its root.cpio is `)
	require.ErrorContains(t, err, "and the lock pins")
	require.NoError(t, os.Remove(root))
	_, err = l.take(dir, trixie, &elsewhere{}, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Without kept images they are built, with a note where the bytes are others.
func TestKeptElse(t *testing.T) {
	l := newLab(t)
	built, err := l.build(trixie, nil)
	require.NoError(t, err)
	notes := ""
	sink := progress.Sink(func(e progress.Event) { notes += e.Detail })
	same := &elsewhere{built: built}
	taken, err := l.take(t.TempDir(), trixie, same, sink)
	require.NoError(t, err)
	require.Equal(t, []any{1, built, ""}, []any{same.asked, taken, notes})

	_, err = l.take(t.TempDir(), trixie, &elsewhere{built: &Built{Digest: "other"}}, sink)
	require.NoError(t, err)
	require.Contains(t, notes, "image debian: this testbed makes other bytes of the same packages")

	failed := errors.New("no mirror")
	_, err = l.take(t.TempDir(), trixie, &elsewhere{err: failed}, sink)
	require.ErrorIs(t, err, failed)
}

// What vanished from the mirror is named, all of it, with its version.
func TestGonePackages(t *testing.T) {
	l := newLab(t)
	_, err := l.build(trixie, nil)
	require.NoError(t, err)
	for _, name := range []string{"libc6", "tcpdump"} {
		l.archive.Spoil(l.archive.Find("/"+name+"_"), http.NotFound)
	}
	l.cache = t.TempDir()
	_, err = l.build(trixie, nil)
	var gone *GoneError
	require.ErrorAs(t, err, &gone)
	require.ElementsMatch(t, []string{"libc6 1.0-1", "tcpdump 1.0-1"}, gone.Packages)
	require.ErrorContains(t, err, "the mirror has no more, and the cache neither")
	require.ErrorContains(t, err, "404")
}
