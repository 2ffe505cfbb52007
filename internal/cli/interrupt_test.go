package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUnread(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	fds := []int{int(file.Fd()), int(w.Fd())}
	require.False(t, unread(fds...))
	require.NoError(t, r.Close())
	require.True(t, unread(fds...))
	require.False(t, unread(fds[0]))
}

func TestOneWishSentTwiceIsOne(t *testing.T) {
	var w wish
	start := time.Now()
	require.False(t, w.again(start))
	require.False(t, w.again(start.Add(20*time.Microsecond)), "timeout(1) sends to the program and to its group")
	require.True(t, w.again(start.Add(sameWish)))

	var stderr bytes.Buffer
	ctx, stop := interruptible(&stderr, exitFailed)
	for range 2 { // The second would end this test's process.
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
		<-ctx.Done()
	}
	time.Sleep(50 * time.Millisecond)
	stop()
	require.ErrorIs(t, context.Cause(ctx), errInterrupted)
	require.Equal(t, "testbed: stopping; once more, after a second, to quit at once\n", stderr.String())
}
