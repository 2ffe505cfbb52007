package rr

import (
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a loop does to sockets beside sending and receiving, as raw system calls:
// the scheduler does not see them, and nothing is allocated, which the wrappers of
// package unix do for each address.

func openSocket(kind int) (int, syscall.Errno) {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_SOCKET, unix.AF_INET, uintptr(kind|unix.SOCK_CLOEXEC), 0)
	return int(fd), errno
}

func closeSocket(fd int) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0)
}

func setOption(fd, level, option, value int) syscall.Errno {
	four := int32(value)
	_, _, errno := syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&four)), unsafe.Sizeof(four), 0)
	return errno
}

// setTimeout takes whole µs.
//
//go:nosplit
func setTimeout(fd, option int, d time.Duration) syscall.Errno {
	tv := unix.Timeval{Sec: int64(d / time.Second), Usec: int64(d % time.Second / time.Microsecond)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, uintptr(option),
		uintptr(unsafe.Pointer(&tv)), unsafe.Sizeof(tv), 0)
	return errno
}

// pendingError is what became of a connection that was begun without blocking.
func pendingError(fd int) syscall.Errno {
	var four int32
	size := uint32(unsafe.Sizeof(four))
	_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR,
		uintptr(unsafe.Pointer(&four)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return syscall.Errno(four)
}

func bindSocket(fd int, local netip.AddrPort) syscall.Errno {
	to := rawAddress(local)
	_, _, errno := syscall.RawSyscall(syscall.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&to)), unsafe.Sizeof(to))
	return errno
}

func beginConnect(fd int, remote netip.AddrPort) syscall.Errno {
	to := rawAddress(remote)
	_, _, errno := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to)), unsafe.Sizeof(to))
	return errno
}

// connectSocket waits until a blocking socket is connected.
func connectSocket(fd int, remote netip.AddrPort) syscall.Errno {
	for {
		switch errno := beginConnect(fd, remote); errno {
		case syscall.EINTR, syscall.EALREADY: // It goes on by itself.
		case syscall.EISCONN:
			return 0
		default:
			return errno
		}
	}
}

func rawAddress(a netip.AddrPort) unix.RawSockaddrInet4 {
	return unix.RawSockaddrInet4{Family: unix.AF_INET, Port: a.Port()<<8 | a.Port()>>8, Addr: a.Addr().As4()}
}

func acceptSocket(listening int) (int, syscall.Errno) {
	fd, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(listening), 0, 0, syscall.SOCK_CLOEXEC, 0, 0)
	return int(fd), errno
}

func yield() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
}
