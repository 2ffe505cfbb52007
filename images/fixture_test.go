package images

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cavaliergopher/cpio"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archivetest"
	"github.com/testbed-lab/testbed/testbed"
)

const (
	oldRelease = "6.12.1+deb13-cloud-amd64"
	newRelease = "7.3.4+deb13-cloud-amd64"
	libc       = "libc.so.6"
	loader     = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
)

// userland are the tools of a suite, with as many files as matter.
func userland(version string) []archivetest.Package {
	program := func(name, section, depends string, files ...string) archivetest.Package {
		p := archivetest.Package{Name: name, Version: version, Section: section, Depends: depends, Files: map[string]string{}}
		for _, f := range files {
			p.Files[f] = archivetest.Program(name+version, libc)
		}
		return p
	}
	busybox := archivetest.Package{Name: "busybox", Version: version, Depends: "libc6 (>= 2.38)", Compression: "zst", Files: map[string]string{
		"usr/bin/busybox": archivetest.Busybox("init", "ip", "linuxrc", "modprobe", "sh"),
	}}
	return []archivetest.Package{
		busybox,
		program("conntrack", "net", "libc6", "usr/sbin/conntrack"),
		program("ethtool", "net", "libc6", "sbin/ethtool"),
		program("iproute2", "net", "debconf | debconf-2.0, libc6, libcap2-bin", "bin/ip", "bin/ss", "sbin/bridge", "sbin/tc", "usr/bin/nstat"),
		program("iputils-ping", "net", "libc6", "bin/ping"),
		program("nftables", "net", "libc6", "usr/sbin/nft"),
		program("sockperf", "net", "libc6", "usr/bin/sockperf"),
		program("tcpdump", "net", "adduser, libc6", "usr/bin/tcpdump"),
		program("debconf", "admin", "", "usr/bin/debconf"),
		{Name: "libc6", Version: version, Section: "libs", Source: "glibc", Compression: "gz", Files: map[string]string{
			"usr/lib/x86_64-linux-gnu/" + libc:      archivetest.Program("libc", "ld-linux-x86-64.so.2"),
			loader:                                  archivetest.Program("ld"),
			"usr/lib64/ld-linux-x86-64.so.2":        "-> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
			"usr/lib/x86_64-linux-gnu/libunused.so": archivetest.Program("unused"),
			"usr/share/doc/libc6/copyright":         "text",
		}},
	}
}

// moduleFiles are a kernel's modules, packed as ext says ("" or ".xz").
func moduleFiles(t *testing.T, release, dir, ext string) map[string]string {
	files := map[string]string{}
	add := func(path string, fields ...string) {
		content := archivetest.Module(append(fields, "vermagic="+release+" SMP mod_unload")...)
		if ext != "" {
			content = archivetest.Compress(t, ext[1:], content)
		}
		files[dir+release+"/"+path+ext] = content
	}
	add("kernel/drivers/net/virtio_net.ko", "depends=net_failover", "alias=virtio:d00000001v*")
	add("kernel/drivers/net/net_failover.ko", "depends=failover")
	add("kernel/net/core/failover.ko")
	add("kernel/drivers/net/veth.ko", "alias=rtnl-link-veth")
	add("kernel/drivers/net/ipvlan/ipvlan.ko", "alias=rtnl-link-ipvlan")
	add("kernel/drivers/char/hw_random/virtio-rng.ko")
	add("kernel/net/netfilter/nf_conntrack.ko", "depends=libcrc32c", "softdep=pre: crc32c-intel post: nothing")
	add("kernel/lib/libcrc32c.ko")
	add("kernel/arch/x86/crypto/crc32c-intel.ko")
	add("kernel/drivers/gpu/drm.ko")
	files[dir+release+"/modules.builtin"] = "kernel/drivers/virtio/virtio_pci.ko\nkernel/drivers/virtio/virtio.ko\n"
	files[dir+release+"/modules.order"] = "irrelevant"
	return files
}

// wholeKernel is a kernel in one package, as up to 6.17.
func wholeKernel(t *testing.T, version string) []archivetest.Package {
	files := moduleFiles(t, oldRelease, "lib/modules/", ".xz")
	files["boot/vmlinuz-"+oldRelease] = bzImage(oldRelease)
	files["boot/config-"+oldRelease] = "CONFIG_VETH=m\n"
	return []archivetest.Package{
		{Name: "linux-image-cloud-amd64", Version: version, Depends: "linux-image-" + oldRelease + " (= " + version + ")"},
		{Name: "linux-image-" + oldRelease, Version: version, Source: "linux-signed-amd64 (6.12.1+1)", Depends: "kmod, linux-base (>= 4.3~)", Files: files},
		{Name: "linux-image-" + oldRelease + "-dbg", Version: version, Files: map[string]string{}},
		{Name: "linux-base", Version: "4.12", Files: map[string]string{}},
	}
}

// splitKernel is a kernel in four packages, as from 7.0 on.
func splitKernel(t *testing.T) []archivetest.Package {
	const version = "7.3.4-1~bpo13+1"
	exactly := " (= " + version + ")"
	modules := moduleFiles(t, newRelease, "usr/lib/modules/", ".xz")
	dir := "usr/lib/modules/" + newRelease + "/"
	builtin := modules[dir+"modules.builtin"]
	delete(modules, dir+"modules.builtin")
	return []archivetest.Package{
		{Name: "linux-image-cloud-amd64", Version: version, Depends: "linux-base-cloud-amd64" + exactly + ", linux-image-" + newRelease + exactly},
		{Name: "linux-image-" + newRelease, Version: version, Files: map[string]string{}, Depends: "linux-base (>= 4.17~), dracut | initramfs-tools, " +
			"linux-base-" + newRelease + exactly + ", linux-binary-" + newRelease + exactly + ", linux-modules-" + newRelease + exactly},
		{Name: "linux-base-" + newRelease, Version: version, Files: map[string]string{dir + "config": "CONFIG_NETKIT=y\n", dir + "modules.builtin": builtin}},
		{Name: "linux-binary-" + newRelease, Version: version, Files: map[string]string{dir + "vmlinuz": bzImage(newRelease)}},
		{Name: "linux-modules-" + newRelease, Version: version, Files: modules},
	}
}

// bzImage is as much of a kernel image as its release is read from.
func bzImage(release string) string {
	image := make([]byte, 0x600)
	binary.LittleEndian.PutUint16(image[bootSectorFlag:], 0xaa55)
	copy(image[headerMagic:], "HdrS")
	binary.LittleEndian.PutUint16(image[versionPointer:], 0x300)
	copy(image[0x500:], release+" (builder@host) #1 SMP\x00")
	return string(image)
}

// lab is an archive with all suites, and what a lab's builds share.
type lab struct {
	t       *testing.T
	archive *archivetest.Archive
	cache   string
	lock    string // Path.
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, archive: archivetest.New(t), cache: t.TempDir(), lock: filepath.Join(t.TempDir(), "lab.lock.hcl")}
	l.addTrixie("6.12.1-1", "1.0-1")
	l.archive.Add(archivetest.Suite{Name: "trixie-backports", ValidUntil: time.Now().Add(time.Hour), Packages: splitKernel(t)})
	return l
}

func (l *lab) addTrixie(kernel, tools string) {
	l.archive.Add(archivetest.Suite{Name: "trixie", Alias: "stable", Packages: append(userland(tools), wholeKernel(l.t, kernel)...)})
}

func (l *lab) store(change func(*Options)) *Store {
	l.t.Helper()
	o := Options{
		Cache: l.cache, Mirror: l.archive.URL, Init: []byte(archivetest.Program("init")),
		keys: l.archive.Keys, aptDir: l.t.TempDir(), getenv: func(string) string { return "" },
	}
	if change != nil {
		change(&o)
	}
	s, err := Open(o)
	require.NoError(l.t, err)
	return s
}

// build builds an image with the lab's lock, in a store as a new process has it.
func (l *lab) build(image testbed.Image, change func(*Options)) (*Built, error) {
	l.t.Helper()
	lock, err := ReadLock(l.lock)
	require.NoError(l.t, err)
	built, err := l.store(change).Build(deadline(l.t), image, lock)
	if err == nil {
		require.NoError(l.t, lock.Write())
	}
	return built, err
}

// refuses holds that an image is not built, for each of the reasons, and nothing is left.
func (l *lab) refuses(image testbed.Image, change func(*Options), reasons ...string) {
	l.t.Helper()
	_, err := l.build(image, change)
	for _, reason := range reasons {
		require.ErrorContains(l.t, err, reason)
	}
	require.NoFileExists(l.t, l.lock)
	checkNothingHalfMade(l.t, l.cache)
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// readRoot reads an initramfs with another's reader: content by path, "-> to"
// for links, "dir" for folders.
func readRoot(t *testing.T, data []byte) map[string]string {
	t.Helper()
	all := map[string]string{}
	r := cpio.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		require.Zero(t, h.Uid+h.Guid)
		require.Zero(t, h.ModTime.Unix())
		switch {
		case h.Mode.IsDir():
			all[h.Name] = "dir"
		case h.Linkname != "":
			all[h.Name] = "-> " + h.Linkname
		default:
			content, err := io.ReadAll(r)
			require.NoError(t, err)
			all[h.Name] = string(content)
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

func sortedKeys(m map[string]string) string { return fmt.Sprint(slices.Sorted(maps.Keys(m))) }
