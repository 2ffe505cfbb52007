package rr

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// client is one run of the client's side.
type client struct {
	Config
	socket socket
	loop   loop
	warm   *Recorder
	record *Recorder
	result Result
}

// Run connects from a local address to a server, warms up, and measures. The
// recorders are reset first. When the context ends, so does Run, at once.
func Run(ctx context.Context, c Config, local netip.Addr, remote netip.AddrPort, warm, record *Recorder) (Result, error) {
	if err := c.check(); err != nil {
		return Result{}, err
	}
	warm.Reset()
	record.Reset()
	run := &client{Config: c, socket: socket{fd: -1}, warm: warm, record: record}
	run.loop.stopped = &run.socket.stopped
	run.loop.progress.Store(connecting)
	run.result.Remote = remote

	defer hush()()
	done := c.onThread(func() error {
		defer run.socket.close()
		return run.all(local)
	})
	err := run.watch(ctx, done)
	if errors.Is(err, errStopped) {
		err = context.Cause(ctx)
	}
	return run.result, err
}

// connecting is the progress of a client that is not connected yet, which has a
// time-out of its own.
const connecting = math.MinInt64

// watch waits for the thread, and wakes it when the context ends or when it
// makes no progress.
func (c *client) watch(ctx context.Context, done <-chan error) error {
	tick := time.NewTicker(stall)
	defer tick.Stop()
	seen := int64(connecting)
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			c.socket.wake()
			return <-done
		case <-tick.C:
			now := c.loop.progress.Load()
			if now != connecting && now == seen {
				c.socket.wake()
				<-done
				return fmt.Errorf("wait for an answer after %d transactions: none within %v", now, stall)
			}
			seen = now
		}
	}
}

// all runs on the thread.
func (c *client) all(local netip.Addr) error {
	if err := c.dial(local); err != nil {
		return err
	}
	c.prepare()
	if c.Warmup > 0 {
		if err := c.stretch(c.warm, c.loop.after(c.Warmup)); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
	}
	before, err := readCounters()
	if err != nil {
		return err
	}
	c.loop.lost, c.loop.late, c.loop.unexpected = 0, 0, 0
	c.result.Started = time.Now().UTC()
	start := c.loop.now()
	until := end{start + int64(c.Duration), math.MaxInt64}
	if c.Transactions > 0 {
		until = end{math.MaxInt64, c.Transactions}
	}
	err = c.stretch(c.record, until)
	c.result.Elapsed = time.Duration(c.loop.now() - start)
	c.result.Lost, c.result.Late = c.loop.lost, c.loop.late
	if err != nil {
		return err
	}
	after, err := readCounters()
	if err != nil {
		return err
	}
	c.result.Counters = after.since(before)
	if c.Protocol == UDP {
		c.result.Counters["udp_unexpected"] = c.loop.unexpected
	}
	if c.record.count == 0 {
		return fmt.Errorf("measure: no transaction within %v", c.Duration)
	}
	return nil
}

func (c *client) dial(local netip.Addr) error {
	kind := unix.SOCK_STREAM
	if c.Protocol == UDP {
		kind = unix.SOCK_DGRAM
	}
	if err := c.socket.open(kind); err != nil {
		return err
	}
	if err := c.socket.bind(netip.AddrPortFrom(local, 0)); err != nil {
		return err
	}
	if err := c.socket.connect(c.result.Remote); err != nil {
		return err
	}
	var err error
	if c.result.Local, err = c.socket.local(); err != nil {
		return err
	}
	if c.Protocol == UDP {
		return c.socket.timeout(unix.SO_RCVTIMEO, answerTimeout)
	}
	return c.socket.noDelay(c.NoDelay)
}

// prepare gives the loop its memory, touched.
func (c *client) prepare() {
	l := &c.loop
	l.fd = uintptr(c.socket.fd)
	l.out, l.in = make([]byte, c.Request), make([]byte, c.Response)
	if c.Protocol == UDP {
		l.in = make([]byte, c.Response+1)
		l.width = sequenceWidth(c.Request, c.Response)
	}
	l.base = time.Now()
	l.progress.Store(0)
}

func (c *client) stretch(r *Recorder, until end) error {
	if c.Protocol == UDP {
		return c.loop.udp(r, until)
	}
	return c.loop.tcp(r, until)
}
