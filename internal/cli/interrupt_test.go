package cli

import (
	"os"
	"path/filepath"
	"testing"

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
