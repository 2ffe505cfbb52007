package rr

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// socket is a blocking socket of the loop's thread, which another goroutine can
// wake: shutdown ends a receive that is blocked in the kernel, an accept and, on
// Linux, an unconnected UDP socket as well. A signal would not (SA_RESTART), and
// a receive time-out costs every transaction a kernel timer.
type socket struct {
	mu      sync.Mutex
	fd      int // -1 when closed.
	stopped atomic.Bool
}

// open puts a fresh socket in place of what was there.
func (s *socket) open(kind int) error {
	fd, errno := openSocket(kind)
	if errno == unix.EMFILE {
		return fmt.Errorf("open socket: %w: raise the limit (ulimit -n) or ask for fewer connections", errno)
	}
	if errno != 0 {
		return fmt.Errorf("open socket: %w", errno)
	}
	s.replace(fd)
	return nil
}

func (s *socket) replace(fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		closeSocket(s.fd)
	}
	s.fd = fd
	if s.stopped.Load() && fd >= 0 {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR) // ENOTCONN where it is not connected; it wakes all the same.
	}
}

func (s *socket) close() { s.replace(-1) }

// wake ends what the thread waits for, now and from now on.
func (s *socket) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped.Store(true)
	if s.fd >= 0 {
		_ = unix.Shutdown(s.fd, unix.SHUT_RDWR)
	}
}

func (s *socket) bind(local netip.AddrPort) error {
	if errno := bindSocket(s.fd, local); errno != 0 {
		return fmt.Errorf("bind to %s: %w", local, errno)
	}
	return nil
}

func (s *socket) local() (netip.AddrPort, error) {
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("read socket's address: %w", err)
	}
	return addrPort(name), nil
}

// connect does not wait longer than connectTimeout.
func (s *socket) connect(remote netip.AddrPort) error {
	if err := timeout(s.fd, unix.SO_SNDTIMEO, connectTimeout); err != nil {
		return err
	}
	if err := unix.Connect(s.fd, address(remote)); err != nil {
		if err == unix.EINPROGRESS { // How a blocking connect says that its time is over.
			err = unix.ETIMEDOUT
		}
		return fmt.Errorf("connect to %s: %w", remote, err)
	}
	return timeout(s.fd, unix.SO_SNDTIMEO, 0)
}

// kind of socket that the workload needs.
func (c *Config) kind() int {
	if c.Protocol == UDP {
		return unix.SOCK_DGRAM
	}
	return unix.SOCK_STREAM
}

func address(a netip.AddrPort) unix.Sockaddr {
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

func addrPort(a unix.Sockaddr) netip.AddrPort {
	four, ok := a.(*unix.SockaddrInet4)
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), uint16(four.Port))
}
