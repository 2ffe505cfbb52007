package rr

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// How often the watch looks at a loop: in time for a UDP request that is lost, and else
// rarely, because each look is some 45,000 instructions of Go's scheduler beside the loop.
const (
	lookEvery     = stall / 4
	lookForAnswer = answerTimeout / 2
)

// every says how often this one looks.
func (v *vigil) every() time.Duration {
	if v.nudges {
		return lookForAnswer
	}
	return lookEvery
}

// watch waits for the thread, and wakes it when the context ends or when it
// makes no progress.
func (c *client) watch(ctx context.Context, done <-chan error) error {
	v := vigil{seen: connecting, since: time.Now(), patience: c.patience(), nudges: c.Protocol == UDP && !c.many()}
	tick := time.NewTicker(v.every())
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			c.socket.wake()
			return <-done
		case now := <-tick.C:
			switch v.look(now, c.loop.beat.Load()) {
			case nudge:
				c.nudge()
			case giveUp:
				c.socket.wake()
				<-done
				return fmt.Errorf("wait for an answer after %d transactions: none within %v", c.loop.count, v.patience)
			}
		}
	}
}

// vigil is what the watch remembers of a loop.
type vigil struct {
	seen     int64     // The last beat.
	since    time.Time // When it was new.
	patience time.Duration
	nudges   bool // Whether a blocked receive has to be ended from outside.
	nudged   bool // Since the last beat.
}

// deed is what a look leads to.
type deed int

const (
	nothing deed = iota
	nudge
	giveUp
)

// look never gives up a loop that it has not nudged before, however late it comes: the
// watch is in the background, and on a busy machine it may not run for seconds.
func (v *vigil) look(now time.Time, beat int64) deed {
	silent := now.Sub(v.since)
	switch {
	case beat != v.seen || beat == connecting:
		v.seen, v.since, v.nudged = beat, now, false
	case silent >= v.patience && (v.nudged || !v.nudges):
		return giveUp
	case silent >= answerTimeout && v.nudges:
		v.nudged = true
		return nudge
	}
	return nothing
}

// nudge ends a receive that is blocked. The signal interrupts it; the handlers of
// the Go runtime ask the kernel to start it again (SA_RESTART), and then it has
// the time-out. (SIGURG is the one that the runtime sends to threads itself.)
func (c *client) nudge() {
	c.socket.mu.Lock()
	defer c.socket.mu.Unlock()
	if c.socket.fd < 0 || setTimeout(c.socket.fd, unix.SO_RCVTIMEO, time.Microsecond) != 0 {
		return
	}
	_ = unix.Tgkill(unix.Getpid(), int(c.thread.Load()), unix.SIGURG) // The thread may just have ended.
}

// patience is how long there may be no transaction: an open loop may not even
// ask for one in the usual time. (Of a Poisson schedule one interval in 10⁸ is
// longer than twenty times the mean.)
func (c *client) patience() time.Duration {
	if c.open() {
		return stall + time.Duration(20/c.Rate*float64(time.Second))
	}
	return stall
}
