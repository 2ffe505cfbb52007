package rr

import (
	"fmt"
	"io"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// serveMany answers all connections of a client that has several, on one thread. A
// connection of TCP_CRR it closes as soon as that is answered.
func (s *Server) serveMany() error {
	if s.config.Protocol == UDP {
		return s.serveStrangers()
	}
	desk := &desk{Server: s}
	var err error
	if desk.poll, err = newPoll(s.config.BusyPoll); err != nil {
		return err
	}
	defer desk.close()
	return desk.serve()
}

// desk is a TCP server at work.
type desk struct {
	*Server
	poll   *poll
	guests []guest // By descriptor.
}

// guest is a connection: either it is asked, or it is answered.
type guest struct {
	open bool
	got  int // Bytes of the request.
	sent int // Bytes of the answer; -1 while there is none.
	// blocked says that the socket took not all of an answer.
	blocked bool
}

func (d *desk) close() {
	for fd := range d.guests {
		if d.guests[fd].open {
			closeSocket(fd)
		}
	}
	d.poll.close()
}

func (d *desk) serve() error {
	listening := d.socket.fd
	if err := unix.SetNonblock(listening, true); err != nil {
		return fmt.Errorf("make socket non-blocking: %w", err)
	}
	if err := d.poll.watch(unix.EPOLL_CTL_ADD, listening, listening, unix.EPOLLIN); err != nil {
		return err
	}
	for {
		events, err := d.poll.wait(-1)
		if d.socket.stopped.Load() {
			return errStopped
		}
		if err != nil {
			return err
		}
		for _, event := range events {
			if int(event.Fd) == listening {
				err = d.accept(listening)
			} else {
				err = d.attend(event.Fd)
			}
			if err != nil {
				return err
			}
		}
	}
}

func (d *desk) accept(listening int) error {
	for {
		fd, errno := acceptSocket(listening)
		switch {
		case errno == syscall.EAGAIN:
			return nil
		case errno == syscall.EINTR || errno == syscall.ECONNABORTED:
			continue
		case errno != 0:
			return fmt.Errorf("accept a connection: %w", errno)
		}
		if fd >= len(d.guests) {
			d.guests = append(d.guests, make([]guest, fd+1-len(d.guests))...)
		}
		d.guests[fd] = guest{open: true, sent: -1}
		if err := d.config.tune(fd); err != nil {
			return err
		}
		if err := d.poll.watch(unix.EPOLL_CTL_ADD, fd, fd, unix.EPOLLIN); err != nil {
			return err
		}
	}
}

// attend goes on with a connection until it would block.
func (d *desk) attend(fd int32) error {
	g := &d.guests[fd]
	for {
		if g.sent >= 0 {
			if done, err := d.answer(fd, g); !done || err != nil {
				return err
			}
			if d.config.Protocol == CRR {
				return d.leave(fd, g)
			}
		}
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd),
			uintptr(unsafe.Pointer(&d.loop.in[g.got])), uintptr(len(d.loop.in)-g.got), syscall.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			return nil
		case errno == syscall.ECONNRESET, errno == 0 && n == 0:
			return d.leave(fd, g) // A client that is stopped leaves answers unread.
		case errno != 0:
			return d.loop.failed("receive", errno)
		}
		if g.got += int(n); g.got == len(d.loop.in) {
			g.got, g.sent = 0, 0
		}
	}
}

// answer says whether all of it is sent.
func (d *desk) answer(fd int32, g *guest) (bool, error) {
	out := d.loop.out
	for g.sent < len(out) {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(&out[g.sent])), uintptr(len(out)-g.sent), syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			g.sent += int(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			g.blocked = true
			return false, d.poll.watch(unix.EPOLL_CTL_MOD, int(fd), int(fd), unix.EPOLLOUT)
		case syscall.ECONNRESET, syscall.EPIPE:
			return false, d.leave(fd, g)
		default:
			return false, d.loop.failed("send", errno)
		}
	}
	g.sent = -1
	d.loop.count++
	if !g.blocked {
		return true, nil
	}
	g.blocked = false
	return true, d.poll.watch(unix.EPOLL_CTL_MOD, int(fd), int(fd), unix.EPOLLIN)
}

func (d *desk) leave(fd int32, g *guest) error {
	g.open = false
	closeSocket(int(fd))
	if g.got > 0 {
		return d.loop.cut(io.EOF, g.got, "request")
	}
	return nil
}

// serveStrangers answers datagrams of any sender: each connection of the client's
// is a socket of its own.
func (s *Server) serveStrangers() error {
	l := &s.loop
	l.width = sequenceWidth(s.config.Request, s.config.Response)
	l.in = make([]byte, s.config.Request+1)
	for {
		var from unix.RawSockaddrInet4
		size := uint32(unsafe.Sizeof(from))
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(s.socket.fd), uintptr(unsafe.Pointer(&l.in[0])),
			uintptr(len(l.in)), 0, uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)))
		switch {
		case s.socket.stopped.Load():
			return errStopped
		case errno == syscall.EINTR || errno == syscall.ECONNREFUSED || int(n) != s.config.Request:
			continue
		case errno != 0:
			return l.failed("receive", errno)
		}
		copy(l.out[:l.width], l.in[:l.width])
		_, _, errno = syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(s.socket.fd), uintptr(unsafe.Pointer(&l.out[0])),
			uintptr(len(l.out)), syscall.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&from)), unsafe.Sizeof(from))
		if errno == 0 {
			l.count++
		}
	}
}
