package guestagent

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// leaseSilence is how long a lease lasts without a sign of life. The conductor
// gives one every 20 s, because a connection that was cut in the
// middle may look alive from here for hours.
const leaseSilence = 90 * time.Second

// lease holds the agent's folder on a machine that exists, and removes it when
// its input ends, falls silent, or the context does.
func lease(ctx context.Context, folder string, in io.Reader, silence time.Duration) error {
	alive := make(chan struct{})
	go func() {
		defer close(alive)
		for sign := make([]byte, 1); ; {
			if _, err := in.Read(sign); err != nil {
				return
			}
			alive <- struct{}{}
		}
	}()
	for lasts := true; lasts; {
		select {
		case _, lasts = <-alive:
		case <-ctx.Done():
			lasts = false
		case <-time.After(silence):
			lasts = false
		}
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("remove the agent: %w", err)
	}
	return nil
}
