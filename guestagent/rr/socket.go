package rr

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

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
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	s.replace(fd)
	return nil
}

func (s *socket) replace(fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		unix.Close(s.fd)
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
	if err := unix.Bind(s.fd, address(local)); err != nil {
		return fmt.Errorf("bind to %s: %w", local, err)
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
	if err := s.timeout(unix.SO_SNDTIMEO, connectTimeout); err != nil {
		return err
	}
	if err := unix.Connect(s.fd, address(remote)); err != nil {
		if err == unix.EINPROGRESS { // How a blocking connect says that its time is over.
			err = unix.ETIMEDOUT
		}
		return fmt.Errorf("connect to %s: %w", remote, err)
	}
	return s.timeout(unix.SO_SNDTIMEO, 0)
}

func (s *socket) timeout(option int, d time.Duration) error {
	tv := unix.NsecToTimeval(d.Nanoseconds())
	if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, option, &tv); err != nil {
		return fmt.Errorf("set socket time-out: %w", err)
	}
	return nil
}

// kind of socket that the workload needs.
func (c *Config) kind() int {
	if c.Protocol == UDP {
		return unix.SOCK_DGRAM
	}
	return unix.SOCK_STREAM
}

// tune sets the workload's options.
func (c *Config) tune(s *socket) error {
	if err := s.busyPoll(c.BusyPoll); err != nil || c.Protocol == UDP {
		return err
	}
	return s.noDelay(c.NoDelay)
}

// busyPoll makes receives poll the device's queue for so long before they sleep.
func (s *socket) busyPoll(d time.Duration) error {
	if d == 0 {
		return nil
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_BUSY_POLL, int(d.Microseconds())); err != nil {
		return fmt.Errorf("set SO_BUSY_POLL to %v (it takes root, and CONFIG_NET_RX_BUSY_POLL): %w", d, err)
	}
	return nil
}

// noDelay is set either way, so that what the kernel defaults to does not matter.
func (s *socket) noDelay(on bool) error {
	value := 0
	if on {
		value = 1
	}
	if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, value); err != nil {
		return fmt.Errorf("set TCP_NODELAY: %w", err)
	}
	return nil
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
