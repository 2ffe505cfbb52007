package rr

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// client is one run of the client's side.
type client struct {
	Config
	// socket is the connection; in the loop of many it is what wakes the thread.
	socket    socket
	loop      loop
	recording *Recording
	result    Result
	thread    atomic.Int64 // The loop's.
}

// driver runs transactions, one stretch after the other without a gap.
type driver interface {
	// run goes through the laps and says when the first began. The main run is the
	// one that is measured, in which what is under way at its end is waited for.
	run(laps []lap, main bool) (start int64, err error)
	close()
}

// Run connects from a local address to a server, warms up, and measures. The
// recording is reset first. When the context ends, so does Run, at once.
func Run(ctx context.Context, c Config, local netip.Addr, remote netip.AddrPort, recording *Recording) (Result, error) {
	if err := c.check(); err != nil {
		return Result{}, err
	}
	recording.reset()
	run := &client{Config: c, socket: socket{fd: -1}, recording: recording}
	run.loop.stopped = &run.socket.stopped
	run.loop.beat.Store(connecting)
	run.result.Remote = remote

	defer hush()()
	done := c.onThread(func() error {
		defer run.socket.close()
		return run.all(local)
	})
	err := run.watch(ctx, done)
	run.account()
	switch {
	case errors.Is(err, errStopped):
		err = context.Cause(ctx)
	case err != nil && run.result.Lost > 0:
		err = fmt.Errorf("%w (requests lost: %d)", err, run.result.Lost)
	}
	return run.result, err
}

// connecting is the beat of a client that is not connected yet, which has a
// time-out of its own.
const connecting = math.MinInt64

// all runs on the thread.
func (c *client) all(local netip.Addr) error {
	c.loop.base = nanotime()
	var err error
	if c.result.Socket, err = c.circumstances(); err != nil {
		return err
	}
	drive, err := c.connect(local)
	if err != nil {
		return err
	}
	defer drive.close()
	c.thread.Store(int64(unix.Gettid()))
	c.loop.beat.Store(0)
	if c.Warmup > 0 {
		if _, err := drive.run([]lap{{c.recording.Warm, int64(c.Warmup), math.MaxInt64}}, false); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
	}
	before, err := readCounters()
	if err != nil {
		return err
	}
	if err := c.measure(drive); err != nil {
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
	if c.recording.Main.count == 0 {
		return fmt.Errorf("measure: no transaction within %v", c.Duration)
	}
	return nil
}

// measure runs the two halves.
func (c *client) measure(drive driver) error {
	c.loop.stray = stray{}
	c.result.Started = time.Now().UTC()
	start, err := drive.run(c.halves(), true)
	c.result.Elapsed = time.Duration(c.loop.last - start)
	c.result.Halves = c.recording.join()
	return err
}

// halves of the measurement. Of one transaction there is the first only.
func (c *client) halves() []lap {
	first, second := c.recording.Main, c.recording.second
	if c.Transactions > 0 {
		half := (c.Transactions + 1) / 2
		return []lap{{first, never, half}, {second, never, c.Transactions - half}}[:min(c.Transactions, 2)]
	}
	length := int64(c.Duration)
	return []lap{{first, length / 2, math.MaxInt64}, {second, length, math.MaxInt64}}
}

// account keeps what became of the requests; of a failed warm-up, of those in it.
func (c *client) account() {
	s := c.loop.stray
	c.result.Lost, c.result.Late, c.result.Duplicates = s.lost, s.late, s.duplicates
	c.result.Missed, c.result.MaxLag = s.missed, s.maxLag
}

// connect opens what the loop needs.
func (c *client) connect(local netip.Addr) (driver, error) {
	c.loop.prepare(&c.Config)
	switch {
	case c.many():
		return openMany(c, local)
	case c.Protocol == CRR:
		c.result.Local = netip.AddrPortFrom(local, 0) // Another port each time.
		return &crr{client: c, ports: newPorts(local)}, nil
	}
	if err := c.dial(&c.socket, netip.AddrPortFrom(local, 0)); err != nil {
		return nil, err
	}
	var err error
	if c.result.Local, err = c.socket.local(); err != nil {
		return nil, err
	}
	c.loop.fd = uintptr(c.socket.fd)
	return (*single)(c), nil
}

// dial connects a socket of the workload's kind.
func (c *client) dial(s *socket, local netip.AddrPort) error {
	if err := s.open(c.kind()); err != nil {
		return err
	}
	if err := c.tune(s.fd); err != nil {
		return err
	}
	if err := s.bind(local); err != nil {
		return err
	}
	return s.connect(c.result.Remote)
}

// single is the driver of one connection.
type single client

// run is outside of Go's scheduler.
//
//go:nosplit
func (s *single) run(laps []lap, main bool) (start int64, err error) {
	l, udp := &s.loop, s.Protocol == UDP
	l.away = true
	entersyscallblock()
	start = l.start()
	if main {
		windowOpens()
	}
	for i := 0; i < len(laps) && err == nil; i++ {
		if udp {
			err = l.udp(laps[i].record, laps[i].end(start))
		} else {
			err = l.tcp(laps[i].record, laps[i].end(start))
		}
	}
	if main {
		windowCloses()
	}
	l.rejoin()
	return start, err
}

func (s *single) close() {}

// steps are those of a driver that stays with Go's scheduler, for it allocates.
type steps interface {
	// stretch runs transactions until the end, and records each.
	stretch(r *Recorder, until end) error
	// finish waits for what is under way, where that counts.
	finish(r *Recorder, until end) error
}

// run is a driver's run by its steps.
func (l *loop) run(s steps, laps []lap, main bool) (start int64, err error) {
	start = l.start()
	if main {
		windowOpens()
		defer windowCloses()
	}
	for i := range laps {
		if err := s.stretch(laps[i].record, laps[i].end(start)); err != nil {
			return start, err
		}
	}
	if last := laps[len(laps)-1]; main {
		err = s.finish(last.record, last.end(start))
	}
	return start, err
}
