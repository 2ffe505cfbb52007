// Package flock keeps two processes from making the same file at once, with
// advisory locks (flock(2)) that end with the process that holds them. The lock
// files stay: removing one would let a third process lock a new file of the
// same name while a second waits for the old one.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// pollEvery is how often a held lock is tried again; flock(2) cannot be
// interrupted by a context.
const pollEvery = 50 * time.Millisecond

// Lock waits for the exclusive lock of the file at path, made if need be, and
// returns what releases it.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	return lock(ctx, path, syscall.LOCK_EX)
}

// Share waits for a lock that any number may share, and nobody who holds the
// exclusive one.
func Share(ctx context.Context, path string) (unlock func(), err error) {
	return lock(ctx, path, syscall.LOCK_SH)
}

func lock(ctx context.Context, path string, how int) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("lock %q: %w", path, err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("wait for lock %q: %w", path, context.Cause(ctx))
		case <-time.After(pollEvery):
		}
	}
}
