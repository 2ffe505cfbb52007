package rr

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TCP_CRR: each transaction is a connection of its own, from before the socket is
// made until after it is closed.
//
// The server closes first, as soon as it has answered, and the client waits for
// that close. So TIME_WAIT is the server's, which a new SYN from the same port
// ends at once (RFC 1122, 4.2.2.13), and the client never runs out of ports. Where
// the client closes first, as netperf's does, 28,000 ports last for 60 s: 470
// connections a second.

// crr is the driver of TCP_CRR on one connection at a time.
type crr struct {
	*client
	ports ports
}

func (c *crr) stretch(r *Recorder, until end) error {
	l := &c.loop
	for t := l.last; ; {
		if err := c.transact(); err != nil {
			return err
		}
		now := l.now()
		r.record(now - t)
		l.done(now - t)
		t = now
		if now >= until.at || r.count >= until.count {
			l.last = now
			return nil
		}
	}
}

func (c *crr) run(laps []lap, main bool) (int64, error) { return c.loop.run(c, laps, main) }

func (c *crr) finish(*Recorder, end) error { return nil }

func (c *crr) close() {}

func (c *crr) transact() error {
	if err := c.open(); err != nil {
		return err
	}
	l := &c.loop
	if errno := connectSocket(c.socket.fd, c.result.Remote); errno != 0 {
		return l.failed("connect to "+c.result.Remote.String(), errno)
	}
	if err := l.send(); err != nil {
		return err
	}
	if got, err := l.receive(); err != nil {
		return l.cut(err, got, "answer")
	}
	if err := l.closed(); err != nil {
		return err
	}
	c.socket.close()
	return nil
}

func (c *crr) open() error {
	if err := c.socket.open(unix.SOCK_STREAM); err != nil {
		return err
	}
	if err := c.tune(c.socket.fd); err != nil {
		return err
	}
	c.loop.fd = uintptr(c.socket.fd)
	return c.ports.bind(c.socket.fd)
}

// closed waits for the other end's close.
func (l *loop) closed() error {
	var one [1]byte
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, l.fd, uintptr(unsafe.Pointer(&one)), 1, 0, 0, 0)
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			return l.failed("wait for the close", errno)
		case l.stopped.Load():
			return errStopped
		case n > 0:
			return fmt.Errorf("receive after %d transactions: the answer is longer than %d bytes", l.count, len(l.in))
		default:
			return nil
		}
	}
}

// ports gives each connection the next of a range of local ports. The kernel's
// own choice would walk through all 28,000, and leave as many entries in the
// connection tracking of a NAT mode, whose table in a small guest is smaller.
type ports struct {
	local netip.Addr
	next  int
}

const (
	firstPort = 32768
	portRange = 4096
)

func newPorts(local netip.Addr) ports { return ports{local, rand.IntN(portRange)} }

func (p *ports) bind(fd int) error {
	var errno syscall.Errno
	for range portRange {
		p.next = (p.next + 1) % portRange
		errno = bindSocket(fd, netip.AddrPortFrom(p.local, uint16(firstPort+p.next)))
		if errno != syscall.EADDRINUSE {
			break
		}
	}
	switch errno {
	case 0:
		return nil
	case syscall.EADDRINUSE:
		return fmt.Errorf("bind to a port of %s: all of %d to %d are in use, by other programs or by connections that did not end: %w",
			p.local, firstPort, firstPort+portRange-1, errno)
	}
	return fmt.Errorf("bind to a port of %s: %w", p.local, errno)
}

// serveCRR answers one connection after the other until it is stopped.
func (s *Server) serveCRR() error {
	for {
		fd, errno := acceptSocket(s.socket.fd)
		switch {
		case s.socket.stopped.Load():
			if errno == 0 {
				closeSocket(fd)
			}
			return errStopped
		case errno == syscall.EINTR || errno == syscall.ECONNABORTED:
			continue
		case errno != 0:
			return fmt.Errorf("accept a connection: %w", errno)
		}
		if err := s.answerOne(fd); err != nil {
			return err
		}
	}
}

func (s *Server) answerOne(fd int) error {
	s.accepted.replace(fd)
	defer s.accepted.close()
	if err := s.config.tune(fd); err != nil {
		return err
	}
	s.loop.fd = uintptr(fd)
	got, err := s.loop.receive()
	if err == io.EOF && got == 0 {
		return nil // A client that went away before it asked.
	}
	if err != nil {
		return s.loop.cut(err, got, "request")
	}
	if err := s.loop.send(); err != nil {
		return err
	}
	s.loop.count++
	return nil
}
