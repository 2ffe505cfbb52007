package rr

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Server answers one client, on a thread of its own.
type Server struct {
	// Address that it listens on.
	Address netip.AddrPort

	config   Config
	socket   socket // Of the connection where there is one, else what listens.
	accepted socket // CRR: the connection of the hour.
	loop     loop
	done     <-chan error
	release  func()
	forget   func() bool
	served   Served
}

// Listen starts a server; port 0 is any. It answers until Stop, or until the
// context ends. The caller calls Stop in every case.
func Listen(ctx context.Context, c Config, local netip.AddrPort) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Server{config: c, socket: socket{fd: -1}, accepted: socket{fd: -1}, release: hush()}
	s.loop.stopped = &s.socket.stopped
	listening := make(chan error, 1)
	s.done = c.onThread(func() error {
		defer s.socket.close()
		err := s.listen(local)
		listening <- err
		if err != nil {
			return err
		}
		return s.serve()
	})
	select {
	case err := <-listening:
		if err != nil {
			s.release()
			return nil, err
		}
	case err := <-s.done: // The thread could not settle.
		s.release()
		return nil, err
	}
	s.forget = context.AfterFunc(ctx, s.wake)
	return s, nil
}

// Stop ends the server and says what it saw. That the client went away, or that
// no client came, is no error.
func (s *Server) Stop() (Served, error) {
	s.forget()
	s.wake()
	err := <-s.done
	s.release()
	s.served.Transactions = s.loop.count
	if errors.Is(err, errStopped) {
		err = nil
	}
	return s.served, err
}

func (s *Server) wake() {
	s.socket.wake()
	s.accepted.wake()
}

func (s *Server) listen(local netip.AddrPort) (err error) {
	if s.served.Socket, err = s.config.circumstances(); err != nil {
		return err
	}
	if err := s.socket.open(s.config.kind()); err != nil {
		return err
	}
	if err := busyPoll(s.socket.fd, s.config.BusyPoll); err != nil {
		return err
	}
	if errno := setOption(s.socket.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); errno != 0 {
		return fmt.Errorf("set SO_REUSEADDR: %w", errno)
	}
	if err := s.socket.bind(local); err != nil {
		return err
	}
	if s.config.Protocol != UDP {
		if err := unix.Listen(s.socket.fd, max(s.config.Connections, 1)); err != nil {
			return fmt.Errorf("listen on %s: %w", local, err)
		}
	}
	s.Address, err = s.socket.local()
	return err
}

// serve waits for the client in ordinary system calls, which let the runtime
// stop the world, and turns to raw ones with the first request.
func (s *Server) serve() error {
	s.loop.out, s.loop.in = make([]byte, s.config.Response), make([]byte, s.config.Request)
	first, err := s.greet()
	if err != nil {
		return err
	}
	s.loop.fd = uintptr(s.socket.fd)
	before, err := readCounters()
	if err != nil {
		return err
	}
	err = s.answers(first)
	after, again := readCounters()
	if again == nil {
		s.served.Counters = after.since(before)
	}
	return errors.Join(err, again)
}

// greet waits for the first client.
func (s *Server) greet() (first int, err error) {
	switch {
	case s.config.Connections > 1 || s.config.Protocol == CRR:
		return 0, s.expect()
	case s.config.Protocol == UDP:
		return s.meet()
	}
	return 0, s.accept()
}

func (s *Server) answers(first int) error {
	switch {
	case s.config.Connections > 1:
		return s.serveMany()
	case s.config.Protocol == CRR:
		return s.serveCRR()
	case s.config.Protocol == UDP:
		return s.loop.serveUDP(first)
	}
	return s.loop.serveTCP()
}

// expect waits until somebody is at the socket, and leaves him there.
func (s *Server) expect() error {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(s.socket.fd), Events: unix.POLLIN}}, -1)
		switch {
		case s.socket.stopped.Load():
			return errStopped
		case err != nil && err != unix.EINTR:
			return fmt.Errorf("wait for a client: %w", err)
		case err == nil:
			return nil
		}
	}
}

func (s *Server) accept() error {
	for {
		fd, _, err := unix.Accept4(s.socket.fd, unix.SOCK_CLOEXEC)
		switch {
		case s.socket.stopped.Load():
			if err == nil {
				unix.Close(fd)
			}
			return errStopped
		case err == unix.EINTR || err == unix.ECONNABORTED:
			continue
		case err != nil:
			return fmt.Errorf("accept a connection: %w", err)
		}
		s.socket.replace(fd)
		return s.config.tune(fd)
	}
}

// meet waits for the first datagram and connects to whoever sent it, so that the
// kernel looks up no route for an answer, and strangers are not heard.
func (s *Server) meet() (int, error) {
	s.loop.width = sequenceWidth(s.config.Request, s.config.Response)
	s.loop.in = make([]byte, s.config.Request+1)
	for {
		n, from, err := unix.Recvfrom(s.socket.fd, s.loop.in, 0)
		switch {
		case s.socket.stopped.Load():
			return 0, errStopped
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, fmt.Errorf("receive the first request: %w", err)
		case n != s.config.Request:
			continue
		}
		if err := unix.Connect(s.socket.fd, from); err != nil {
			return 0, fmt.Errorf("connect to %s: %w", addrPort(from), err)
		}
		return n, nil
	}
}
