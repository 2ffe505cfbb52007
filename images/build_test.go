package images

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archivetest"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/testbed"
)

var (
	trixie    = testbed.Image{Name: "debian", Release: "trixie"}
	backports = testbed.Image{Name: "new", Release: "trixie-backports"}
)

func TestBuild(t *testing.T) {
	for name, tt := range map[string]struct {
		image   testbed.Image
		release string
		config  string
	}{
		"one package":   {trixie, oldRelease, "CONFIG_VETH=m\n"},
		"four packages": {backports, newRelease, "CONFIG_NETKIT=y\n"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			built, err := l.build(tt.image, nil)
			require.NoError(t, err)
			require.Equal(t, tt.release, built.Release)
			require.Equal(t, bzImage(tt.release), string(readFile(t, built.Kernel)))
			require.Equal(t, "trixie", built.Facts["userland"])

			raw := readFile(t, built.Root)
			require.Zero(t, len(raw)%512)
			root := readRoot(t, raw)
			require.Equal(t, archivetest.Program("init"), root["init"])
			checkUserland(t, root)
			checkModules(t, root, tt.release)
			require.Equal(t, tt.config, root["usr/lib/modules/"+tt.release+"/config"])
		})
	}
}

func checkUserland(t *testing.T, root map[string]string) {
	t.Helper()
	require.Equal(t, "-> usr/bin", root["bin"])
	require.Equal(t, "-> /usr/bin/busybox", root["usr/bin/sh"])
	require.Equal(t, "-> /usr/bin/busybox", root["usr/sbin/modprobe"], "the kernel calls /sbin/modprobe")
	require.Contains(t, root["usr/bin/ip"], "\x7fELF", "a real tool goes before an applet")
	require.Contains(t, root["usr/sbin/ethtool"], "\x7fELF", "/sbin is /usr/sbin")
	require.Contains(t, root["usr/lib/x86_64-linux-gnu/"+libc], "\x7fELF")
	require.Contains(t, root[loader], "\x7fELF", "what a library needs is needed too")
	for _, unwanted := range []string{"usr/bin/init", "usr/bin/linuxrc", "usr/bin/debconf", "usr/lib/x86_64-linux-gnu/libunused.so", "usr/share/doc/libc6/copyright"} {
		require.NotContains(t, root, unwanted)
	}
}

func checkModules(t *testing.T, root map[string]string, release string) {
	t.Helper()
	dir := "usr/lib/modules/" + release + "/"
	require.Contains(t, root[dir+"kernel/drivers/net/veth.ko"], "\x7fELF", "modules are decompressed")
	require.NotContains(t, root, dir+"kernel/drivers/gpu/drm.ko")
	require.Contains(t, root, dir+"kernel/arch/x86/crypto/crc32c-intel.ko", "soft dependencies come along")
	require.Contains(t, root[dir+"modules.dep"],
		"kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko\n")
	require.Contains(t, root[dir+"modules.alias"], "alias rtnl-link-ipvlan ipvlan\n")
	require.Contains(t, root[dir+"modules.builtin"], "virtio_pci")
	at := "/lib/modules/" + release + "/kernel/"
	require.Equal(t, at+"net/core/failover.ko\n"+at+"drivers/net/net_failover.ko\n"+at+"drivers/net/virtio_net.ko\n"+at+"drivers/char/hw_random/virtio-rng.ko\n",
		root[loadList])
}

func TestBuildIsReproducible(t *testing.T) {
	a, b := newLab(t), newLab(t)
	b.archive = a.archive
	first, err := a.build(trixie, nil)
	require.NoError(t, err)
	time.Sleep(10 * time.Millisecond) // Another time must not show.
	second, err := b.build(trixie, nil)
	require.NoError(t, err)
	require.NotEqual(t, first.Root, second.Root)
	require.Equal(t, first.Digest, second.Digest)
	require.Equal(t, readFile(t, first.Root), readFile(t, second.Root))
	require.Equal(t, readFile(t, a.lock), readFile(t, b.lock))
}

// TestBuildOffline needs nothing but the lock and the cache: no request, no
// mirror, no packages' files even.
func TestBuildOffline(t *testing.T) {
	l := newLab(t)
	first, err := l.build(trixie, nil)
	require.NoError(t, err)
	l.archive.Asked()
	require.NoError(t, os.RemoveAll(filepath.Join(l.cache, archiveDir)))

	var events []progress.Event
	second, err := l.build(trixie, func(o *Options) {
		o.Mirror = ""
		o.Progress = func(e progress.Event) { events = append(events, e) }
	})
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Empty(t, l.archive.Asked())
	require.Len(t, events, 1)
	require.Equal(t, progress.Skipped, events[0].State)
}

func TestBuildOtherInit(t *testing.T) {
	l := newLab(t)
	first, err := l.build(trixie, nil)
	require.NoError(t, err)
	l.archive.Asked()
	second, err := l.build(trixie, func(o *Options) { o.Init = []byte(archivetest.Program("another init")) })
	require.NoError(t, err, "a new testbed does not break an old lock")
	require.NotEqual(t, first.Digest, second.Digest)
	require.Empty(t, l.archive.Asked(), "only PID 1 is new")
}

func TestBuildKernelVersion(t *testing.T) {
	for name, version := range map[string]string{
		"package": "6.12.1-1", "uname -r": oldRelease, "short": "6.12.1+deb13",
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			built, err := l.build(testbed.Image{Name: "i", Release: "trixie", KernelVersion: version}, nil)
			require.NoError(t, err)
			require.Equal(t, oldRelease, built.Release)
		})
	}
	_, err := newLab(t).build(testbed.Image{Name: "i", Release: "trixie", KernelVersion: "6.11"}, nil)
	require.ErrorContains(t, err, `has no kernel "6.11"; it has `+oldRelease+" (6.12.1-1)")
}

func TestBuildErrors(t *testing.T) {
	tests := map[string]struct {
		image  testbed.Image
		change func(*Options)
		spoil  func(*lab)
		want   []string
	}{
		"no mirror": {
			image: trixie, change: func(o *Options) { o.Mirror = "" },
			want: []string{`build image "debian"`, "mirror =", MirrorVariable},
		},
		"no init": {
			image: trixie, change: func(o *Options) { o.Init = nil }, want: []string{"make build"},
		},
		"tool missing": {
			image: testbed.Image{Name: "i", Release: "trixie", Userland: "trixie-backports"},
			want:  []string{`has no package "busybox"`, "trixie-backports"},
		},
		"package gone": {
			image: trixie, spoil: func(l *lab) { l.archive.Remove(l.archive.Find("/nftables_")) },
			want: []string{"nftables 1.0-1", "404", "testbed images update"},
		},
		"expired": {
			image: backports,
			spoil: func(l *lab) {
				l.archive.Add(archivetest.Suite{Name: "trixie-backports", ValidUntil: time.Now().Add(-time.Hour), Packages: splitKernel(l.t)})
			},
			want: []string{"expired", "allow_expired"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			if tt.spoil != nil {
				tt.spoil(l)
			}
			l.refuses(tt.image, tt.change, tt.want...)
		})
	}
}

func checkNothingHalfMade(t *testing.T, cache string) {
	t.Helper()
	for _, kind := range []string{imageDir, kernelDir, userlandDir, diskDir} {
		half, err := filepath.Glob(filepath.Join(cache, kind, "*.tmp"))
		require.NoError(t, err)
		require.Empty(t, half)
	}
}

func TestMirrorOrder(t *testing.T) {
	l := newLab(t)
	apt := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(apt, "sources.list"), []byte("deb http://apt.invalid/debian trixie main\n"), 0o644))
	s := l.store(func(o *Options) {
		o.aptDir, o.Mirror = apt, "http://lab.invalid"
		o.getenv = func(name string) string { return map[string]string{MirrorVariable: "http://env.invalid"}[name] }
	})
	mirror := func(image testbed.Image) string {
		a, err := s.archive(image)
		require.NoError(t, err)
		return a.Mirror
	}
	require.Equal(t, "http://image.invalid", mirror(testbed.Image{Mirror: "http://image.invalid/"}))
	require.Equal(t, "http://lab.invalid", mirror(testbed.Image{}))
	s.options.Mirror = ""
	require.Equal(t, "http://env.invalid", mirror(testbed.Image{}))
	s.options.getenv = func(string) string { return "" }
	require.Equal(t, "http://apt.invalid/debian", mirror(testbed.Image{}))
}

// TestBuildAtOnce shares one cache between several builds, as processes would.
func TestBuildAtOnce(t *testing.T) {
	l := newLab(t)
	lock, err := ReadLock(l.lock)
	require.NoError(t, err)
	var group sync.WaitGroup
	built := make([]*Built, 6)
	errs := make([]error, 6)
	stores := []*Store{l.store(nil), l.store(nil)}
	for i := range built {
		image := trixie
		if i%3 == 0 {
			image = backports
		}
		group.Go(func() { built[i], errs[i] = stores[i%2].Build(deadline(t), image, lock) })
	}
	group.Wait()
	for i := range built {
		require.NoError(t, errs[i])
		require.Equal(t, built[i%3].Digest, built[i].Digest)
	}
	checkNothingHalfMade(t, l.cache)
}

func TestBuildDamagedCache(t *testing.T) {
	l := newLab(t)
	built, err := l.build(trixie, nil)
	require.NoError(t, err)
	want := readFile(t, built.Root)
	for name, damage := range map[string]func() error{
		"truncated":    func() error { return os.Truncate(built.Root, 1000) },
		"other bytes":  func() error { return os.WriteFile(built.Root, make([]byte, len(want)), 0o644) },
		"no kernel":    func() error { return os.Remove(built.Kernel) },
		"no manifest":  func() error { return os.Remove(filepath.Join(filepath.Dir(built.Root), manifestFile)) },
		"only touched": func() error { return os.Chtimes(built.Root, time.Now(), time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, damage())
			again, err := l.build(trixie, nil)
			require.NoError(t, err)
			require.Equal(t, want, readFile(t, again.Root))
			require.Equal(t, built.Digest, again.Digest)
		})
	}
}
