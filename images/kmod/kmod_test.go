package kmod_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archivetest"
	"github.com/testbed-lab/testbed/images/kmod"
)

// folder has a diamond, a soft dependency by alias-like name, and one module of
// each compression.
func folder(t *testing.T) *kmod.Folder {
	return &kmod.Folder{
		Builtin: []byte("kernel/drivers/virtio/virtio_pci.ko\nkernel/net/core/built-in.ko\n"),
		Files: map[string][]byte{
			"kernel/net/top.ko.xz":        []byte(archivetest.Compress(t, "xz", archivetest.Module("depends=left,right", "alias=net-pf-99", "vermagic=6.1 SMP"))),
			"kernel/net/left.ko.gz":       []byte(archivetest.Compress(t, "gz", archivetest.Module("depends=base-one"))),
			"kernel/net/right.ko.zst":     []byte(archivetest.Compress(t, "zst", archivetest.Module("depends=base_one,built_in"))),
			"kernel/lib/base-one.ko":      []byte(archivetest.Module("depends=", "softdep=pre: soft-one not-there post: later")),
			"kernel/lib/soft-one.ko":      []byte(archivetest.Module()),
			"kernel/lib/later.ko":         []byte(archivetest.Module()),
			"kernel/drivers/gpu/other.ko": []byte("never parsed"),
		},
	}
}

func top(path string) bool { return path == "kernel/net/top.ko" }

func TestPick(t *testing.T) {
	set, err := kmod.Pick(folder(t), top)
	require.NoError(t, err)
	var paths []string
	for _, m := range set.Modules() {
		paths = append(paths, m.Path)
		require.True(t, strings.HasPrefix(string(m.Data), "\x7fELF"), m.Path)
	}
	want := []string{"kernel/lib/base-one.ko", "kernel/lib/soft-one.ko", "kernel/net/left.ko", "kernel/net/right.ko", "kernel/net/top.ko"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
	require.Equal(t, "6.1", set.Modules()[4].Release)

	index := set.Index()
	require.Contains(t, string(index["modules.dep"]), "kernel/net/top.ko: kernel/net/right.ko kernel/net/left.ko kernel/lib/base-one.ko\n")
	require.Contains(t, string(index["modules.dep"]), "kernel/lib/soft-one.ko:\n")
	require.Contains(t, string(index["modules.alias"]), "alias net-pf-99 top\n")
	require.Contains(t, string(index["modules.softdep"]), "softdep base_one pre: soft-one not-there\n")
	require.NotContains(t, index, "modules.builtin.modinfo")
}

func TestLoadOrder(t *testing.T) {
	set, err := kmod.Pick(folder(t), top)
	require.NoError(t, err)
	order, err := set.LoadOrder([]kmod.Driver{
		{Module: "virtio_pci", Config: "CONFIG_VIRTIO_PCI"}, {Module: "top"}, {Module: "left"}, {Module: "nowhere", Optional: true},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"kernel/lib/base-one.ko", "kernel/net/left.ko", "kernel/net/right.ko", "kernel/net/top.ko"}, order)

	_, err = set.LoadOrder([]kmod.Driver{{Module: "virtio_net", Config: "CONFIG_VIRTIO_NET"}})
	var missing *kmod.NotFoundError
	require.ErrorAs(t, err, &missing)
	require.EqualError(t, err, `the kernel has no module "virtio_net" and does not have it built in (CONFIG_VIRTIO_NET)`)
}

func TestLoadOrderUnknownBuiltins(t *testing.T) {
	f := folder(t)
	f.Builtin = nil
	delete(f.Files, "kernel/net/right.ko.zst")
	f.Files["kernel/net/right.ko"] = []byte(archivetest.Module())
	set, err := kmod.Pick(f, top)
	require.NoError(t, err)
	_, err = set.LoadOrder([]kmod.Driver{{Module: "virtio_net"}})
	require.NoError(t, err, "without the list nobody can say that it is not built in")
}

func TestPickErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*kmod.Folder)
		want  string
	}{
		"missing dependency": {func(f *kmod.Folder) { delete(f.Files, "kernel/lib/base-one.ko") }, `no module "base_one", which "`},
		"no ELF":             {func(f *kmod.Folder) { f.Files["kernel/lib/base-one.ko"] = []byte("junk") }, `read module "kernel/lib/base-one.ko"`},
		"no modinfo":         {func(f *kmod.Folder) { f.Files["kernel/lib/base-one.ko"] = []byte(archivetest.Program("x")) }, "no .modinfo"},
		"bad xz":             {func(f *kmod.Folder) { f.Files["kernel/net/top.ko.xz"] = []byte("junk") }, "decompress module"},
		"cut off":            {func(f *kmod.Folder) { f.Files["kernel/net/left.ko.gz"] = f.Files["kernel/net/left.ko.gz"][:40] }, "decompress module"},
	} {
		t.Run(name, func(t *testing.T) {
			f := folder(t)
			tt.spoil(f)
			_, err := kmod.Pick(f, top)
			require.ErrorContains(t, err, tt.want)
		})
	}
}
