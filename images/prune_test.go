package images

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
	"github.com/testbed-lab/testbed/images/newc"
)

func TestListAndPrune(t *testing.T) {
	l := newLab(t)
	old, err := l.build(backports, nil)
	require.NoError(t, err)
	current, err := l.build(trixie, nil)
	require.NoError(t, err)
	longAgo := time.Now().Add(-100 * time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(filepath.Dir(old.Root), manifestFile), longAgo, longAgo))

	s := l.store(nil)
	entries, err := s.List()
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, current.Digest, entries[0].Digest, "the last used one is first")
	require.Equal(t, newRelease, entries[1].Release)
	require.Equal(t, old.Root, entries[1].Root)
	require.Positive(t, entries[1].Size)

	removed, freed, err := s.Prune(deadline(t), 50*time.Hour)
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	require.Positive(t, freed)
	require.NoFileExists(t, old.Root)
	l.archive.Asked()
	again, err := l.build(trixie, nil)
	require.NoError(t, err)
	require.Equal(t, current, again)
	require.Empty(t, l.archive.Asked(), "what is left is whole")

	removed, _, err = s.Prune(deadline(t), 0)
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	for _, kind := range []string{imageDir, kernelDir, userlandDir, archiveDir} {
		left, err := os.ReadDir(filepath.Join(l.cache, kind))
		require.NoError(t, err)
		require.Empty(t, left)
	}
	again, err = l.build(trixie, nil)
	require.NoError(t, err)
	require.Equal(t, current.Digest, again.Digest)
}

// TestFullDisk has a cache on a file system that is too small. It runs itself
// in a mount namespace of its own, so that nothing is left mounted.
func TestFullDisk(t *testing.T) {
	const marker = "TESTBED_IMAGES_FULL_DISK"
	if os.Getenv(marker) == "" {
		if os.Geteuid() != 0 {
			t.Skip("mounting a small file system needs root")
		}
		cmd := exec.CommandContext(deadline(t), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
		cmd.Env = append(os.Environ(), marker+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "PASS: TestFullDisk")
		return
	}
	l := newLab(t)
	require.NoError(t, syscall.Mount("tmpfs", l.cache, "tmpfs", 0, "size=16k"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(l.cache, syscall.MNT_DETACH)) })
	_, err := l.build(trixie, nil)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, l.cache)
	require.ErrorContains(t, err, "XDG_CACHE_HOME")
	require.NoFileExists(t, l.lock)

	require.NoError(t, syscall.Mount("tmpfs", l.cache, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	_, err = l.build(trixie, nil)
	require.NoError(t, err, "with room it goes on")
}

// TestGuestOverlay reads root and overlay as the kernel does, one archive after
// the other.
func TestGuestOverlay(t *testing.T) {
	overlay, err := GuestOverlay(guestconfig.Config{Hostname: "client", HostKey: "secret"})
	require.NoError(t, err)
	require.Zero(t, len(overlay)%newc.Align)
	root := readRoot(t, overlay)
	text := root[strings.TrimPrefix(guestconfig.Path, "/")]
	require.Contains(t, text, `"hostname": "client"`)
	require.Equal(t, "[etc etc/testbed etc/testbed/guest.json]", sortedKeys(root))
}
