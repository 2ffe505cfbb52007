package rr

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// tune sets the workload's options on a connection.
func (c *Config) tune(fd int) error {
	if err := busyPoll(fd, c.BusyPoll); err != nil || c.Protocol == UDP {
		return err
	}
	return noDelay(fd, c.NoDelay)
}

// busyPoll makes receives poll the device's queue for so long before they sleep.
func busyPoll(fd int, d time.Duration) error {
	if d == 0 {
		return nil
	}
	if errno := setOption(fd, unix.SOL_SOCKET, unix.SO_BUSY_POLL, int(d.Microseconds())); errno != 0 {
		return fmt.Errorf("set SO_BUSY_POLL to %v (it takes root, and CONFIG_NET_RX_BUSY_POLL): %w", d, errno)
	}
	return nil
}

// noDelay is set either way, so that what the kernel defaults to does not matter.
func noDelay(fd int, on bool) error {
	value := 0
	if on {
		value = 1
	}
	if errno := setOption(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, value); errno != 0 {
		return fmt.Errorf("set TCP_NODELAY: %w", errno)
	}
	return nil
}

func timeout(fd, option int, d time.Duration) error {
	if errno := setTimeout(fd, option, d); errno != 0 {
		return fmt.Errorf("set socket time-out: %w", errno)
	}
	return nil
}
