package flock

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	unlock, err := Lock(ctx, path)
	require.NoError(t, err)

	short, cancelShort := context.WithTimeout(ctx, 3*pollEvery)
	defer cancelShort()
	_, err = Share(short, path)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, path)

	go unlock()
	one, err := Share(ctx, path)
	require.NoError(t, err)
	two, err := Share(ctx, path)
	require.NoError(t, err, "any number share")
	one()
	go two()
	unlock, err = Lock(ctx, path)
	require.NoError(t, err)
	unlock()

	_, err = Lock(ctx, filepath.Join(path, "below a file"))
	require.ErrorContains(t, err, "open lock")
}
