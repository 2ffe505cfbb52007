package rr

import (
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
	return foreground()
}
