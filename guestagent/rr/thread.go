package rr

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/thread"
)

// onThread runs f on a thread of its own, in the workload's namespace and pinned
// to its CPU.
func (c *Config) onThread(f func() error) <-chan error {
	return thread.Run(func() error {
		defer background()
		if err := c.settle(); err != nil {
			return err
		}
		return f()
	})
}

func (c *Config) settle() error {
	if c.Enter != nil {
		if err := c.Enter(); err != nil {
			return err
		}
	}
	if err := thread.Pin(c.CPU); err != nil {
		return err
	}
	if err := foreground(c.Priority); err != nil {
		return err
	}
	if !c.open() {
		return nil
	}
	// A thread's timers may fire 50 µs late unless it says otherwise.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set timer slack: %w", err)
	}
	return nil
}
