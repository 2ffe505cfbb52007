package rr

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"
)

// spooled is how many values the loop keeps before it writes them.
const spooled = 8192

// Spool keeps every value of a measurement in a file, in the order in which the
// transactions ended, as int64 of the machine's byte order. The file is on disk
// (in a guest of ours, in its memory: 8 bytes a transaction); this process holds
// 64 KiB of it. One write in 8,192 transactions is the price, and falls into the
// transaction that follows it.
type Spool struct {
	file   *os.File
	fd     uintptr // The file's, which must not be asked for in a loop.
	buffer [spooled]int64
	used   int
	count  int64
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
	return &Spool{file: file, fd: file.Fd()}, nil
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

// Drain hands over all values, oldest first, and forgets them.
func (s *Spool) Drain(each func(ns int64) error) error {
	s.write()
	if s.errno != 0 {
		return fmt.Errorf("write samples after %d: %w", s.count, s.errno)
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

// Reset forgets everything.
func (s *Spool) Reset() error {
	s.used, s.count, s.errno = 0, 0, 0
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("empty samples: %w", err)
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return err
}
