package rr

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/procfs"
)

// spooled is how many values the loop keeps before it writes them.
const spooled = 8192

// Spool keeps every value of a measurement in a file, in the order in which the
// transactions ended, as int64 of the machine's byte order. The file is on disk
// (in a guest of ours, in its memory: 8 bytes a transaction); this process holds
// 64 KiB of it. One write in 8,192 transactions is the price, and falls into the
// transaction that follows it.
//
// Invariant: a file in memory takes half of what was free of that at most. What has
// no room is an error of the measurement's end, and never the end of the process.
type Spool struct {
	file   *os.File
	fd     uintptr // The file's, which must not be asked for in a loop.
	buffer [spooled]int64
	used   int
	count  int64         // In the file.
	room   int64         // How many may be there.
	errno  syscall.Errno // Of the write that failed.
}

// NewSpool makes a file that nobody else sees and that goes with the process.
func NewSpool() (*Spool, error) {
	file, err := os.CreateTemp("", "testbed-samples-")
	if err != nil {
		return nil, fmt.Errorf("make a file for samples: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, fmt.Errorf("make a file for samples: %w", err)
	}
	s := &Spool{file: file, fd: file.Fd()}
	if err := s.Reset(); err != nil {
		file.Close()
		return nil, err
	}
	return s, nil
}

// Close gives the file back.
func (s *Spool) Close() error { return s.file.Close() }

// add is called in the loop.
//
//go:nosplit
func (s *Spool) add(ns int64) {
	s.buffer[s.used] = ns
	if s.used++; s.used == spooled {
		s.write()
	}
}

// write is a raw system call, as all are in the loop.
//
//go:nosplit
func (s *Spool) write() {
	size := s.used * 8
	if s.count+int64(s.used) > s.room && s.errno == 0 {
		s.errno = syscall.ENOSPC
	}
	for done := 0; done < size && s.errno == 0; {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, s.fd,
			uintptr(unsafe.Add(unsafe.Pointer(&s.buffer), done)), uintptr(size-done))
		switch errno {
		case 0:
			done += int(n)
		case syscall.EINTR:
		default:
			s.errno = errno
		}
	}
	if s.errno == 0 {
		s.count += int64(s.used)
	}
	s.used = 0
}

// End writes what the loop has left, and says whether all values are there.
func (s *Spool) End() error {
	s.write()
	if s.errno == syscall.ENOSPC {
		return fmt.Errorf("keep samples: %w for more than %d transactions in %s (8 bytes each; in memory, half of what is free): "+
			"shorten the block, or give the machine more memory", s.errno, s.count, os.TempDir())
	}
	if s.errno != 0 {
		return fmt.Errorf("keep samples after %d transactions: %w", s.count, s.errno)
	}
	return nil
}

// Drain hands over all values, oldest first, and forgets them.
func (s *Spool) Drain(each func(ns int64) error) error {
	if err := s.End(); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read samples: %w", err)
	}
	chunk := make([]byte, 8*spooled)
	for left := s.count; left > 0; {
		part := chunk[:8*min(left, spooled)]
		if _, err := io.ReadFull(s.file, part); err != nil {
			return fmt.Errorf("read samples: %w", err)
		}
		for at := 0; at < len(part); at += 8 {
			if err := each(int64(binary.NativeEndian.Uint64(part[at:]))); err != nil {
				return err
			}
		}
		left -= int64(len(part) / 8)
	}
	return s.Reset()
}

// Reset forgets everything, and looks how much room there is.
func (s *Spool) Reset() (err error) {
	s.used, s.count, s.errno = 0, 0, 0
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("empty samples: %w", err)
	}
	if s.room, err = s.findRoom(); err != nil {
		return err
	}
	_, err = s.file.Seek(0, io.SeekStart)
	return err
}

// findRoom is half of the memory that is left, where the file lies in memory: filled
// to the end it would cost the agent its life. A disk says itself when it is full.
func (s *Spool) findRoom() (values int64, err error) {
	var at unix.Statfs_t
	if err := unix.Fstatfs(int(s.fd), &at); err != nil {
		return 0, fmt.Errorf("find room for samples: %w", err)
	}
	if at.Type != unix.TMPFS_MAGIC && at.Type != unix.RAMFS_MAGIC {
		return math.MaxInt64, nil
	}
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("find room for samples: %w", err)
	}
	return procfs.Memory(string(text))["MemAvailable"] / 2 / 8, nil
}
