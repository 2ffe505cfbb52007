package rr

import (
	"fmt"
	"io"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// conn is one connection of many.
type conn struct {
	socket   socket
	id       int
	phase    phase
	intended int64 // When its transaction began, or should have.
	sent     int64 // When it did.
	done     int   // Bytes of what the phase is about.
	sequence uint64
}

// phase of a transaction.
type phase int

const (
	idle phase = iota
	connects
	sends
	receives
	closes
)

// begin starts a transaction on a free connection.
func (m *many) begin(one *conn, intended, now int64) error {
	one.intended, one.sent, one.done = intended, now, 0
	if m.Protocol == CRR {
		return m.reconnect(one)
	}
	one.phase = sends
	if m.Protocol == UDP {
		m.stamp()
		one.sequence = m.sequence
	}
	return m.push(one)
}

func (m *many) reconnect(one *conn) error {
	if err := one.socket.open(unix.SOCK_STREAM | unix.SOCK_NONBLOCK); err != nil {
		return err
	}
	if err := m.tune(one.socket.fd); err != nil {
		return err
	}
	if err := m.ports.bind(one.socket.fd); err != nil {
		return err
	}
	one.phase = connects
	errno := beginConnect(one.socket.fd, m.result.Remote)
	if errno != 0 && errno != syscall.EINPROGRESS {
		return fmt.Errorf("connect to %s: %w", m.result.Remote, errno)
	}
	return m.poll.watch(unix.EPOLL_CTL_ADD, one.socket.fd, one.id, unix.EPOLLOUT)
}

// push sends what the socket takes.
func (m *many) push(one *conn) error {
	for one.done < len(m.out) {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(one.socket.fd),
			uintptr(unsafe.Pointer(&m.out[one.done])), uintptr(len(m.out)-one.done), syscall.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			one.done += int(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return m.poll.watch(unix.EPOLL_CTL_MOD, one.socket.fd, one.id, unix.EPOLLIN|unix.EPOLLOUT)
		default:
			return m.failed("send", errno)
		}
	}
	one.phase, one.done = receives, 0
	return nil
}

// handle goes on with a connection that epoll named.
func (m *many) handle(one *conn) error {
	switch one.phase {
	case connects:
		if errno := pendingError(one.socket.fd); errno != 0 {
			return m.failed("connect to "+m.result.Remote.String(), errno)
		}
		one.phase = sends
		fallthrough
	case sends:
		if err := m.poll.watch(unix.EPOLL_CTL_MOD, one.socket.fd, one.id, unix.EPOLLIN); err != nil {
			return err
		}
		return m.push(one)
	}
	return m.pull(one)
}

// pull reads what there is.
func (m *many) pull(one *conn) error {
	for {
		at := one.done
		if m.Protocol == UDP || one.phase == closes {
			at = 0
		}
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(one.socket.fd),
			uintptr(unsafe.Pointer(&m.in[at])), uintptr(len(m.in)-at), syscall.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			return nil
		case errno != 0:
			return m.failed("receive", errno)
		}
		ended, err := m.took(one, int(n))
		if ended || err != nil {
			return err
		}
	}
}

// took says whether the transaction is over, or is idle all the same.
func (m *many) took(one *conn, n int) (ended bool, err error) {
	switch {
	case m.Protocol == UDP:
		sequence, whole := m.echoed(n)
		if !whole || one.phase != receives || sequence != one.sequence {
			m.strayed(sequence, whole)
			return false, nil
		}
		return true, m.complete(one)
	case one.phase == closes && n == 0:
		one.socket.close()
		return true, m.complete(one)
	case one.phase != receives:
		return true, fmt.Errorf("receive after %d transactions: %d bytes that nobody asked for, or the other end's close", m.count, n)
	case n == 0:
		return true, m.cut(io.EOF, one.done, "answer")
	}
	if one.done += n; one.done < len(m.in) {
		return false, nil
	}
	if m.Protocol == CRR {
		one.phase = closes
		return false, nil
	}
	return true, m.complete(one)
}

// complete records a transaction; in a closed loop the next begins with it. One
// that a closed loop's end left under way is waited for, and counts for nothing.
func (m *many) complete(one *conn) error {
	now := m.now()
	m.silent = 0
	if m.over {
		m.release(one)
		return nil
	}
	m.record.record(now - one.intended)
	m.done(now - one.intended)
	m.last = now
	if m.schedule == nil {
		return m.begin(one, now, now)
	}
	m.release(one)
	return nil
}

func (m *many) release(one *conn) {
	one.phase = idle
	m.busy--
	m.free = append(m.free, one)
}

// expire gives up the requests that have waited too long for their answer.
func (m *many) expire() error {
	now := m.now()
	if now < m.expiry {
		return nil
	}
	m.expiry = now + int64(answerTimeout)/4
	for i := range m.conns {
		one := &m.conns[i]
		if one.phase != receives || now-one.sent < int64(answerTimeout) {
			continue
		}
		m.giveUp(one.sequence)
		if m.silent++; m.silent == unanswered*len(m.conns) {
			return fmt.Errorf("receive after %d transactions: %d requests in a row had no answer within %v", m.count, m.silent, answerTimeout)
		}
		m.release(one)
	}
	return nil
}
