package guestagent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/testbed-lab/testbed/guestagent/evidence"
)

// leaseSilence is how long a lease lasts without a sign of life. The conductor
// gives one every 20 s, because a connection that was cut in the
// middle may look alive from here for hours.
const leaseSilence = 90 * time.Second

// lease holds the agent's folder on a machine that exists, and removes it when
// its input ends, falls silent, or the context does; and ends the tracing that an agent
// left on which did not end by itself.
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
	err := evidence.Sweep() // An agent that was killed cannot.
	if failed := os.RemoveAll(folder); failed != nil {
		err = errors.Join(err, fmt.Errorf("remove the agent: %w", failed))
	}
	return err
}
