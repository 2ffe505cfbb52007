package images

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archivetest"
	"github.com/testbed-lab/testbed/testbed"
)

const ownRelease = "6.13.0-rc1+"

// ownImage writes a kernel of the user's and its modules, and returns the image.
func ownImage(t *testing.T, files map[string]string) testbed.Image {
	t.Helper()
	dir := t.TempDir()
	image := testbed.Image{Name: "own", Kernel: filepath.Join(dir, "bzImage"), Modules: filepath.Join(dir, "lib/modules", ownRelease)}
	require.NoError(t, os.WriteFile(image.Kernel, []byte(bzImage(ownRelease)), 0o644))
	for name, content := range files {
		path := filepath.Join(dir, strings.Replace(name, "KV", ownRelease, 1))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return image
}

func TestLocalKernel(t *testing.T) {
	for _, ext := range []string{"", ".xz", ".zst", ".gz"} {
		t.Run("modules"+ext, func(t *testing.T) {
			l := newLab(t)
			files := moduleFiles(t, ownRelease, "lib/modules/", "")
			for name, content := range files {
				if strings.HasSuffix(name, ".ko") && ext != "" {
					delete(files, name)
					files[name+ext] = archivetest.Compress(t, ext[1:], content)
				}
			}
			image := ownImage(t, files)
			built, err := l.build(image, nil)
			require.NoError(t, err)
			require.Equal(t, ownRelease, built.Release)
			require.Equal(t, image.Kernel, built.Facts["kernel"])
			root := readRoot(t, readFile(t, built.Root))
			checkModules(t, root, ownRelease)

			// Built again, it is another kernel, and the lock does not object.
			l.archive.Asked()
			rebuilt := append([]byte(bzImage(ownRelease)), "changed"...)
			require.NoError(t, os.WriteFile(image.Kernel, rebuilt, 0o644))
			require.NoError(t, os.Chtimes(image.Kernel, time.Now(), time.Now().Add(time.Second)))
			again, err := l.build(image, nil)
			require.NoError(t, err)
			require.NotEqual(t, built.Digest, again.Digest)
			require.Equal(t, rebuilt, readFile(t, again.Kernel))
			require.Empty(t, l.archive.Asked(), "the tools are locked and cached")
		})
	}
}

func TestLocalKernelWithoutModules(t *testing.T) {
	image := ownImage(t, nil)
	image.Modules = ""
	built, err := newLab(t).build(image, nil)
	require.NoError(t, err)
	require.Empty(t, readRoot(t, readFile(t, built.Root))[loadList])
}

func TestLocalKernelErrors(t *testing.T) {
	complete := func() map[string]string { return moduleFiles(t, ownRelease, "lib/modules/", "") }
	without := func(names ...string) map[string]string {
		files := complete()
		for _, name := range names {
			delete(files, "lib/modules/"+ownRelease+"/"+name)
		}
		return files
	}
	tests := map[string]struct {
		files map[string]string
		spoil func(testbed.Image) error
		want  []string
	}{
		"no kernel": {complete(), func(i testbed.Image) error { return os.Remove(i.Kernel) }, []string{"find kernel", "bzImage"}},
		"no bzImage": {complete(), func(i testbed.Image) error { return os.WriteFile(i.Kernel, []byte("\x7fELF"), 0o644) },
			[]string{"not a bzImage", "make bzImage"}},
		"no folder":    {nil, nil, []string{"find modules", "is no folder"}},
		"empty folder": {map[string]string{"lib/modules/KV/build": ""}, nil, []string{"no kernel modules there", "make modules_install"}},
		"other release": {moduleFiles(t, "6.12.0", "lib/modules/", ""), func(i testbed.Image) error {
			return os.Rename(filepath.Join(filepath.Dir(i.Modules), "6.12.0"), i.Modules)
		}, []string{"is of kernel 6.12.0, not " + ownRelease}},
		"no virtio_net":      {without("kernel/drivers/net/virtio_net.ko"), nil, []string{`"virtio_net"`, "CONFIG_VIRTIO_NET"}},
		"missing dependency": {without("kernel/net/core/failover.ko"), nil, []string{`no module "failover", which "net_failover" needs`}},
		"damaged module":     {map[string]string{"lib/modules/KV/kernel/drivers/net/veth.ko": "junk"}, nil, []string{"read module", "veth.ko"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			image := ownImage(t, tt.files)
			if tt.spoil != nil {
				require.NoError(t, tt.spoil(image))
			}
			l.refuses(image, nil, tt.want...)
		})
	}
}
