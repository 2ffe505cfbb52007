package hold

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A lock that its holder removed between our opening and locking it holds
// nobody out.
func TestLockOfARemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "labs", "lab.lock")
	l, _, err := Try(path, "lab")
	require.NoError(t, err)
	require.True(t, sameFile(l.file, l.path))
	require.NoError(t, os.Remove(l.path))
	require.False(t, sameFile(l.file, l.path))
	require.NoError(t, os.WriteFile(l.path, nil, 0o600))
	require.False(t, sameFile(l.file, l.path))
}

// TestLockWherePruned: another lab's process removes empty folders at its end.
func TestLockWherePruned(t *testing.T) {
	root := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	var pruner sync.WaitGroup
	pruner.Go(func() {
		for ctx.Err() == nil {
			for _, empty := range []string{"state/labs", "state"} {
				_ = os.Remove(filepath.Join(root, empty))
			}
		}
	})
	for range 500 {
		l, _, err := Try(filepath.Join(root, "state", "labs", "lab.lock"), "lab")
		require.NoError(t, err)
		l.Release()
	}
	stop()
	pruner.Wait()
}

func TestWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.lock")
	first, _, err := Try(path, "lab")
	require.NoError(t, err)
	second, pid, err := Try(path, "lab")
	require.NoError(t, err)
	require.Nil(t, second)
	require.Equal(t, os.Getpid(), pid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Wait(ctx, path, "lab", nil)
	require.ErrorIs(t, err, context.Canceled)
	time.AfterFunc(20*time.Millisecond, first.Release)
	third, err := Wait(t.Context(), path, "lab", nil)
	require.NoError(t, err)
	third.Release()
	require.NoFileExists(t, path, "a lock that is given back leaves no file")
}

func TestProcess(t *testing.T) {
	me := This()
	require.True(t, me.Alive())
	require.Equal(t, me, ParseProcess(me.String()))
	for _, text := range []string{"", "1", "x/1/y", "1/x/y"} {
		require.False(t, ParseProcess(text).Alive(), text)
	}
	used := me
	used.Start++
	require.False(t, used.Alive(), "another process got the id")
	rebooted := me
	rebooted.Boot = "another"
	require.False(t, rebooted.Alive())

	child := exec.Command("sleep", "1000")
	require.NoError(t, child.Start())
	start, err := startTime(child.Process.Pid)
	require.NoError(t, err)
	p := Process{PID: child.Process.Pid, Start: start, Boot: bootID()}
	require.True(t, p.Alive())
	require.NoError(t, child.Process.Kill())
	require.Eventually(t, func() bool { return !p.Alive() }, 5*time.Second, time.Millisecond, "a zombie works no more")
	child.Wait()
	require.False(t, p.Alive())
}
