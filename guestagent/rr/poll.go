package rr

import (
	"fmt"
	"syscall"
	"time"
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

// newPoll makes one that polls the device's queue for so long before it sleeps.
// SO_BUSY_POLL alone is for receives that block.
func newPoll(busy time.Duration) (*poll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make epoll instance: %w", err)
	}
	p := &poll{fd: fd}
	if busy == 0 {
		return p, nil
	}
	if errno := p.busyPoll(busy); errno != 0 {
		p.close()
		return nil, fmt.Errorf("busy-poll several connections, or in an open loop (it takes Linux 6.9): %w", errno)
	}
	return p, nil
}

// epollParams is the kernel's struct epoll_params, and setParams its ioctl
// EPIOCSPARAMS.
type epollParams struct {
	microseconds uint32
	budget       uint16
	prefer, pad  uint8
}

const setParams = 0x40088a01

func (p *poll) busyPoll(d time.Duration) syscall.Errno {
	params := epollParams{microseconds: uint32(d.Microseconds()), budget: 8} // As many packets as SO_BUSY_POLL has.
	_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(p.fd), setParams, uintptr(unsafe.Pointer(&params)))
	return errno
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
