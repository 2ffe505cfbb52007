package rr

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poll is an epoll instance whose wait is a raw system call, as all that may
// block in a loop.
type poll struct {
	fd     int
	events [128]unix.EpollEvent
	coarse bool // No epoll_pwait2: whole milliseconds only (Linux before 5.11).
}

func newPoll() (*poll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make epoll instance: %w", err)
	}
	return &poll{fd: fd}, nil
}

func (p *poll) close() { unix.Close(p.fd) }

// watch adds a descriptor, or changes what it is watched for; id comes back with
// its events.
func (p *poll) watch(operation, fd, id int, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(id)}
	if err := unix.EpollCtl(p.fd, operation, fd, &event); err != nil {
		return fmt.Errorf("watch socket: %w", err)
	}
	return nil
}

// wait returns at an event, or after so many ns; a negative time is for ever.
func (p *poll) wait(ns int64) ([]unix.EpollEvent, error) {
	n, errno := p.system(ns)
	switch errno {
	case 0:
		return p.events[:n], nil
	case syscall.EINTR:
		return nil, nil
	case syscall.ENOSYS:
		p.coarse = true
		return nil, nil
	}
	return nil, fmt.Errorf("wait for a socket: %w", errno)
}

// system rounds down where it is coarse: what remains is waited for by asking
// again and again.
func (p *poll) system(ns int64) (uintptr, syscall.Errno) {
	events := uintptr(unsafe.Pointer(&p.events))
	if p.coarse {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.fd), events, uintptr(len(p.events)), uintptr(ns/1e6), 0, 0)
		return n, errno
	}
	var timeout *unix.Timespec
	if ns >= 0 {
		t := unix.NsecToTimespec(ns)
		timeout = &t
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), events, uintptr(len(p.events)), uintptr(unsafe.Pointer(timeout)), 0, 0)
	return n, errno
}
