package rr

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// checkEvery is how often the watch looks at a loop.
const checkEvery = answerTimeout / 4

// watch waits for the thread, and wakes it when the context ends or when it
// makes no progress.
func (c *client) watch(ctx context.Context, done <-chan error) error {
	patience := c.patience()
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	seen, since := int64(connecting), time.Now()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			c.socket.wake()
			return <-done
		case now := <-tick.C:
			beat := c.loop.beat.Load()
			switch {
			case beat != seen || beat == connecting:
				seen, since = beat, now
			case now.Sub(since) >= patience:
				c.socket.wake()
				<-done
				return fmt.Errorf("wait for an answer after %d transactions: none within %v", c.loop.count, patience)
			case now.Sub(since) >= answerTimeout && c.Protocol == UDP && !c.many():
				c.nudge()
			}
		}
	}
}

// nudge ends a receive that is blocked. The signal interrupts it; the handlers of
// the Go runtime ask the kernel to start it again (SA_RESTART), and then it has
// the time-out. (SIGURG is the one that the runtime sends to threads itself.)
func (c *client) nudge() {
	c.socket.mu.Lock()
	defer c.socket.mu.Unlock()
	if c.socket.fd < 0 || receiveTimeout(c.socket.fd, time.Microsecond) != nil {
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
