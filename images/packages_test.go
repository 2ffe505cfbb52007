package images

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/erofs/go-erofs"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archivetest"
	"github.com/testbed-lab/testbed/testbed"
)

var engineImage = testbed.Image{Name: "engine", Release: "trixie", Packages: []string{"engine"}}

// engines are packages with the relations that Debian's have.
func engines() []archivetest.Package {
	return []archivetest.Package{
		{Name: "engine", Version: "5", Depends: "runc-like | other-runtime, network-stack, libc6 (>= 2.38), monitor", Files: map[string]string{
			"usr/bin/engine": "engine", "etc/engine/policy.json": "{}", "usr/share/doc/engine/copyright": "text", "usr/bin/alias": "-> engine",
		}},
		{Name: "other-runtime", Version: "1", Files: map[string]string{"bin/runtime": "runtime"}},
		{Name: "stack-b", Version: "1", Provides: "network-stack (= 1)", Files: map[string]string{"usr/lib/b": "b"}},
		{Name: "stack-a", Version: "1", Provides: "network-stack (= 1)", Files: map[string]string{"usr/lib/a": "a"}},
		// The engine's own dependency provides what its other one needs.
		{Name: "monitor", Version: "2", Provides: "watcher", Depends: "watcher, engine", Files: map[string]string{"usr/bin/monitor": "monitor"}},
		{Name: "rival", Version: "1", Files: map[string]string{"usr/bin/engine": "another"}},
		{Name: "lonely", Version: "1", Depends: "nowhere | nobody", Files: map[string]string{}},
	}
}

func newEngineLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.addEngines("1.0-1")
	return l
}

func (l *lab) addEngines(tools string) {
	l.archive.Add(archivetest.Suite{Name: "trixie", Alias: "stable", Packages: append(append(userland(tools), wholeKernel(l.t, "6.12.1-1")...), engines()...)})
}

// readDisk reads a disk with the library's reader, which shares no code with its
// writer but the format's structures.
func readDisk(t *testing.T, name string) map[string]string {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()
	disk, err := erofs.Open(file)
	require.NoError(t, err)
	all := map[string]string{}
	require.NoError(t, fs.WalkDir(disk, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			all[path] = "link"
			return nil
		}
		content, err := fs.ReadFile(disk, path)
		all[path] = string(content)
		return err
	}))
	return all
}

func TestBuildWithPackages(t *testing.T) {
	l := newEngineLab(t)
	built, err := l.build(engineImage, nil)
	require.NoError(t, err)
	disk := readDisk(t, built.Disk)
	for path, want := range map[string]string{
		"usr/bin/engine": "engine", "usr/bin/alias": "link", "etc/engine/policy.json": "{}", "usr/bin/monitor": "monitor",
		"usr/bin/runtime": "runtime", // An alternative that exists, and merged under usr.
		"usr/lib/a":       "a",       // The first by name of those that provide it.
	} {
		require.Equal(t, want, disk[path], path)
	}
	require.Contains(t, disk, "usr/lib/x86_64-linux-gnu/"+libc, "libraries come along, whole")
	for _, unwanted := range []string{"usr/lib/b", "usr/share/doc/engine/copyright"} {
		require.NotContains(t, disk, unwanted)
	}
	require.Contains(t, built.Facts["added_packages"], "engine 5")
	require.NotContains(t, readRoot(t, readFile(t, built.Root)), "usr/bin/engine", "the initramfs stays small")

	plain, err := l.build(trixie, nil)
	require.NoError(t, err)
	require.Empty(t, plain.Disk)
	require.NotEqual(t, plain.Digest, built.Digest)
}

func TestPackagesAreReproducible(t *testing.T) {
	a, b := newEngineLab(t), newEngineLab(t)
	b.archive = a.archive
	first, err := a.build(engineImage, nil)
	require.NoError(t, err)
	second, err := b.build(engineImage, nil)
	require.NoError(t, err)
	require.Equal(t, readFile(t, first.Disk), readFile(t, second.Disk))
	require.Equal(t, first.Digest, second.Digest)
}

func TestPackagesAreLocked(t *testing.T) {
	l := newEngineLab(t)
	first, err := l.build(engineImage, nil)
	require.NoError(t, err)
	require.Contains(t, string(readFile(t, l.lock)), `added "monitor"`)

	// Another machine takes the locked ones without an index, and pins their bytes.
	l.cache = t.TempDir()
	l.archive.Asked()
	again, err := l.build(engineImage, nil)
	require.NoError(t, err)
	require.Equal(t, first.Digest, again.Digest)
	for _, asked := range l.archive.Asked() {
		require.NotContains(t, asked, "dists/")
	}

	// A list that changed is resolved anew.
	more := engineImage
	more.Packages = []string{"engine", "stack-b"}
	other, err := l.build(more, nil)
	require.NoError(t, err)
	require.Contains(t, readDisk(t, other.Disk), "usr/lib/b")
	require.NotContains(t, readDisk(t, other.Disk), "usr/lib/a", "what was asked for provides it")
}

func TestDamagedDiskIsMadeAgain(t *testing.T) {
	l := newEngineLab(t)
	first, err := l.build(engineImage, nil)
	require.NoError(t, err)
	whole := readFile(t, first.Disk)
	require.NoError(t, os.Truncate(first.Disk, 100))
	again, err := l.build(engineImage, nil)
	require.NoError(t, err)
	require.Equal(t, whole, readFile(t, again.Disk))
}

func TestPruneKeepsAndRemovesDisks(t *testing.T) {
	l := newEngineLab(t)
	built, err := l.build(engineImage, nil)
	require.NoError(t, err)
	disks := filepath.Join(l.cache, diskDir)
	_, _, err = l.store(nil).Prune(deadline(t), 1e12)
	require.NoError(t, err)
	require.FileExists(t, built.Disk)
	kept, err := os.ReadDir(disks)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	_, _, err = l.store(nil).Prune(deadline(t), 0)
	require.NoError(t, err)
	kept, err = os.ReadDir(disks)
	require.NoError(t, err)
	require.Empty(t, kept)
}

func TestPackagesErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		packages []string
		want     string
	}{
		"unknown":           {[]string{"podmann"}, `has no package "podmann"`},
		"unmet":             {[]string{"lonely"}, `package "lonely" needs "nowhere"`},
		"two with one file": {[]string{"engine", "rival"}, `unpack package "rival": package "engine" has "usr/bin/engine" as well`},
	} {
		t.Run(name, func(t *testing.T) {
			l := newEngineLab(t)
			image := engineImage
			image.Packages = tt.packages
			_, err := l.build(image, nil)
			require.ErrorContains(t, err, tt.want)
			require.NoFileExists(t, l.lock)
			checkNothingHalfMade(t, l.cache)
		})
	}
}
