package images

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archivetest"
	"github.com/testbed-lab/testbed/testbed"
)

// writePackage writes a .deb with files in it, as `make bindeb-pkg` names it.
func writePackage(t *testing.T, compression string, files map[string]string) testbed.Image {
	t.Helper()
	a := archivetest.New(t)
	a.Add(archivetest.Suite{Name: "s", Packages: []archivetest.Package{{Name: "linux-image", Version: "1", Compression: compression, Files: files}}})
	path := filepath.Join(t.TempDir(), "linux-image-"+ownRelease+"_1_amd64.deb")
	require.NoError(t, os.WriteFile(path, a.Content(a.Find("linux-image_")), 0o644))
	return testbed.Image{Name: "own", Deb: path}
}

// bindeb is what `make bindeb-pkg` puts into linux-image-*.
func bindeb(t *testing.T) map[string]string {
	files := moduleFiles(t, ownRelease, "lib/modules/", "")
	files["boot/vmlinuz-"+ownRelease] = bzImage(ownRelease)
	files["boot/config-"+ownRelease] = "CONFIG_VETH=m\n"
	files["boot/System.map-"+ownRelease] = "map"
	return files
}

func TestKernelPackage(t *testing.T) {
	usr := moduleFiles(t, ownRelease, "usr/lib/modules/", ".xz")
	usr["usr/lib/modules/"+ownRelease+"/vmlinuz"] = bzImage(ownRelease)
	usr["usr/lib/modules/"+ownRelease+"/config"] = "CONFIG_VETH=m\n"
	for name, tt := range map[string]struct {
		compression string
		files       map[string]string
	}{
		"bindeb-pkg": {"xz", bindeb(t)}, "zstd": {"zst", bindeb(t)}, "all below usr": {"xz", usr},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			image := writePackage(t, tt.compression, tt.files)
			built, err := l.build(image, nil)
			require.NoError(t, err)
			require.Equal(t, ownRelease, built.Release)
			require.Equal(t, image.Deb, built.Facts["deb"])
			require.Equal(t, bzImage(ownRelease), string(readFile(t, built.Kernel)))
			root := readRoot(t, readFile(t, built.Root))
			checkModules(t, root, ownRelease)
			require.Equal(t, "CONFIG_VETH=m\n", root["usr/lib/modules/"+ownRelease+"/config"])
			require.Contains(t, string(readFile(t, l.lock)), image.Deb)
		})
	}
}

func TestKernelPackageWithoutModules(t *testing.T) {
	built, err := newLab(t).build(writePackage(t, "xz", map[string]string{"boot/vmlinuz-" + ownRelease: bzImage(ownRelease)}), nil)
	require.NoError(t, err)
	require.Empty(t, readRoot(t, readFile(t, built.Root))[loadList])
}

func TestKernelPackageErrors(t *testing.T) {
	with := func(name, content string) map[string]string {
		files := maps.Clone(bindeb(t))
		files[name] = content
		return files
	}
	otherModules := map[string]string{"boot/vmlinuz-" + ownRelease: bzImage(ownRelease)}
	maps.Copy(otherModules, moduleFiles(t, "6.12.0", "lib/modules/", ""))
	foreignModules := bindeb(t)
	for name, content := range foreignModules {
		if strings.HasSuffix(name, ".ko") {
			foreignModules[name] = strings.ReplaceAll(content, "6.13.0-rc1+", "6.13.0-rc2+")
		}
	}
	tests := map[string]struct {
		files map[string]string
		spoil func(path string) error
		want  []string
	}{
		"headers":         {files: map[string]string{"usr/src/linux-headers-1/Makefile": ""}, want: []string{"holds no kernel", "bindeb-pkg", "linux-headers-*"}},
		"debug symbols":   {files: map[string]string{"usr/lib/debug/lib/modules/1/vmlinux": "\x7fELF"}, want: []string{"holds no kernel", "-dbg"}},
		"for arm64":       {files: with("boot/vmlinuz-"+ownRelease, "MZ"), want: []string{"vmlinuz of " + ownRelease, "not a bzImage", "guests are amd64"}},
		"other kernel":    {files: with("boot/vmlinuz-"+ownRelease, bzImage("6.14.0")), want: []string{"calls itself 6.14.0", "files are of " + ownRelease}},
		"other modules":   {files: otherModules, want: []string{"its kernel is " + ownRelease, "its modules are of 6.12.0", "build kernel and modules together"}},
		"foreign modules": {files: foreignModules, want: []string{"is of kernel 6.13.0-rc2+, not " + ownRelease}},
		"no package": {files: bindeb(t), spoil: func(path string) error { return os.WriteFile(path, []byte("PK"), 0o644) },
			want: []string{"read kernel's package", ".deb"}},
		"cut short": {files: bindeb(t), spoil: func(path string) error { return os.Truncate(path, 900) }, want: []string{"read kernel's package"}},
		"gone":      {files: bindeb(t), spoil: os.Remove, want: []string{"find kernel's package"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			image := writePackage(t, "xz", tt.files)
			if tt.spoil != nil {
				require.NoError(t, tt.spoil(image.Deb))
			}
			l.refuses(image, nil, tt.want...)
		})
	}
}
