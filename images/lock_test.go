package images

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archivetest"
	"github.com/testbed-lab/testbed/testbed"
)

var update = flag.Bool("update", false, "write golden files anew")

func TestLockPath(t *testing.T) {
	require.Equal(t, "examples/container-latency.lock.hcl", LockPath("examples/container-latency.hcl"))
}

// TestLockGolden pins the lock's form: people read it in reviews.
func TestLockGolden(t *testing.T) {
	lock, err := ReadLock(filepath.Join(t.TempDir(), "lab.lock.hcl"))
	require.NoError(t, err)
	p := lockedPackage{Name: "busybox", Version: "1:1.37.0-6", Size: 1234, SHA256: strings.Repeat("0a", 32), Path: "pool/main/b/busybox/busybox_1.37.0-6_amd64.deb"}
	lock.setImage(lockedImage{Name: "own", Kernel: present("/k/bzImage"), Userland: "trixie", KernelRelease: "6.13.0", KernelSHA256: "aa", RootSHA256: "bb", Builder: "1+x"})
	lock.setImage(lockedImage{Name: "debian", Release: present("sid"), Userland: "trixie", KernelRelease: "7.3", KernelSHA256: "cc", RootSHA256: "dd", Builder: "1+x",
		Expired: present("2026-01-02T03:04:05Z"), Packages: []lockedPackage{p}})
	lock.setUserland(lockedUserland{Suite: "trixie", Packages: []lockedPackage{p}})
	lock.setKernels(KernelRange{From: "6.12", To: "7.3"}, []Served{{Suite: "trixie", Version: "6.12.1-1", Release: oldRelease, packages: unlockPackages([]lockedPackage{p})}})
	require.NoError(t, lock.Write())
	got := readFile(t, lock.Path())
	golden := filepath.Join("testdata", "lock.hcl")
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	if diff := cmp.Diff(string(readFile(t, golden)), string(got)); diff != "" {
		t.Errorf("lock (-want +got):\n%s", diff)
	}

	again, err := ReadLock(lock.Path())
	require.NoError(t, err)
	before, err := os.Stat(lock.Path())
	require.NoError(t, err)
	require.NoError(t, again.Write())
	after, err := os.Stat(lock.Path())
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "an unchanged lock is not written")

	require.Equal(t, []string{"debian", "new"}, again.Unpinned([]testbed.Image{
		{Name: "own", Kernel: "/k/bzImage"}, {Name: "debian", Release: "forky"}, {Name: "new", Release: "sid"},
	}))
	require.Empty(t, again.Unpinned([]testbed.Image{{Name: "debian", Release: "sid", AllowExpired: true}}))

	again.Retain([]string{"own"})
	require.NoError(t, again.Write())
	text := string(readFile(t, lock.Path()))
	require.NotContains(t, text, `image "debian"`)
	require.Contains(t, text, `userland "trixie"`)
}

// TestForkLock begins as another lock, and is one of its own from then on.
func TestForkLock(t *testing.T) {
	dir := t.TempDir()
	from, path := filepath.Join(dir, "lab.lock.hcl"), filepath.Join(dir, "fork.lock.hcl")
	lock, err := ReadLock(from)
	require.NoError(t, err)
	lock.setUserland(lockedUserland{Suite: "trixie"})
	require.NoError(t, lock.Write())
	before := string(readFile(t, from))

	fork, err := ForkLock(path, from)
	require.NoError(t, err)
	fork.setUserland(lockedUserland{Suite: "sid"})
	require.NoError(t, fork.Write())
	require.Equal(t, before, string(readFile(t, from)))
	require.Contains(t, string(readFile(t, path)), "trixie")

	again, err := ForkLock(path, from)
	require.NoError(t, err)
	_, has := again.userland("sid")
	require.True(t, has)
	_, err = ForkLock(filepath.Join(dir, "new.lock.hcl"), dir)
	require.Error(t, err)
}

func TestReadLockErrors(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"no HCL":        {"image {", "lab.lock.hcl"},
		"other version": {"version = 2\n", "its version is 2, and this testbed knows 1"},
		"escaping path": {"version = 1\nuserland \"x\" {\n package \"p\" {\n version=\"1\"\n size=1\n sha256=\"../../x\"\n path=\"p\"\n}\n}\n", `package "p": bad SHA-256`},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lab.lock.hcl")
			require.NoError(t, os.WriteFile(path, []byte(tt.text), 0o644))
			_, err := ReadLock(path)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestLockHonouredAndRenewed(t *testing.T) {
	l := newLab(t)
	first, err := l.build(trixie, nil)
	require.NoError(t, err)
	lock := string(readFile(t, l.lock))

	// The archive moves on; the lab does not.
	l.archive.Remove(l.archive.Find("pool/main/linux-image-" + oldRelease + "/"))
	l.addTrixie("6.12.1-2", "2.0-1")
	second, err := l.build(trixie, nil)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Equal(t, lock, string(readFile(t, l.lock)))

	// An image that comes later gets the locked tools, or comparing the two
	// would compare tools as well.
	_, err = l.build(backports, nil)
	require.NoError(t, err)
	require.NotContains(t, string(readFile(t, l.lock)), "2.0-1")

	third, err := l.build(trixie, func(o *Options) { o.Update = true })
	require.NoError(t, err)
	require.NotEqual(t, first.Digest, third.Digest)
	renewed := string(readFile(t, l.lock))
	require.Contains(t, renewed, "6.12.1-2")
	require.Contains(t, renewed, "2.0-1")
	require.Contains(t, renewed, `image "new"`, "another image's entry stays")
}

// TestLockOnAnotherMachine has the lock but an empty cache.
func TestLockOnAnotherMachine(t *testing.T) {
	l := newLab(t)
	first, err := l.build(trixie, nil)
	require.NoError(t, err)
	l.cache = t.TempDir()
	l.archive.Asked()
	again, err := l.build(trixie, nil)
	require.NoError(t, err)
	require.Equal(t, first.Digest, again.Digest)
	require.NotContains(t, strings.Join(l.archive.Asked(), " "), "dists/", "pinned packages need no index")

	l.cache = t.TempDir()
	l.archive.Remove(l.archive.Find("/tcpdump_"))
	_, err = l.build(trixie, nil)
	require.ErrorContains(t, err, "tcpdump 1.0-1")
	require.ErrorContains(t, err, "testbed images update")
}

func TestLockFollowsTheLab(t *testing.T) {
	l := newLab(t)
	_, err := l.build(trixie, nil)
	require.NoError(t, err)
	changed := testbed.Image{Name: trixie.Name, Release: "trixie-backports"}
	built, err := l.build(changed, nil)
	require.NoError(t, err)
	require.Equal(t, newRelease, built.Release)
	require.Contains(t, string(readFile(t, l.lock)), newRelease)
}

func TestLockRecordsExpired(t *testing.T) {
	l := newLab(t)
	l.archive.Add(archivetest.Suite{Name: "trixie-backports", ValidUntil: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Packages: splitKernel(t)})
	image := backports
	image.AllowExpired = true
	built, err := l.build(image, nil)
	require.NoError(t, err)
	require.Equal(t, "2026-01-02T03:04:05Z", built.Facts["expired"])
	require.Regexp(t, `expired +=  ?"2026-01-02T03:04:05Z"`, string(readFile(t, l.lock)))

	image.AllowExpired = false // The override is gone, so the entry is not good any more.
	_, err = l.build(image, nil)
	require.ErrorContains(t, err, "allow_expired")
}

// TestLockCatchesOtherBytes is the promise that builds are reproducible, kept
// by the lock.
func TestLockCatchesOtherBytes(t *testing.T) {
	l := newLab(t)
	_, err := l.build(trixie, nil)
	require.NoError(t, err)
	text := readFile(t, l.lock)
	lock, err := ReadLock(l.lock)
	require.NoError(t, err)
	entry, _ := lock.image(trixie.Name)
	changed := strings.Replace(string(text), entry.RootSHA256, strings.Repeat("0", 64), 1)
	require.NoError(t, os.WriteFile(l.lock, []byte(changed), 0o644))
	_, err = l.build(trixie, nil)
	require.ErrorContains(t, err, "pins kernel")
	require.ErrorContains(t, err, l.lock)
}

func TestWrongPackageIsNotKept(t *testing.T) {
	l := newLab(t)
	path := l.archive.Find("/ethtool_")
	l.archive.Spoil(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("not it")) })
	_, err := l.build(trixie, nil)
	require.ErrorContains(t, err, "not what the archive's signed index says")
	require.NoFileExists(t, l.lock)
	l.archive.Spoil(path, nil)
	_, err = l.build(trixie, nil)
	require.NoError(t, err)
}
