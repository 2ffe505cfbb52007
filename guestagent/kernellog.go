package guestagent

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// kernelLog reads what the kernel has said since a moment. What the ring buffer
// has lost since is lost here too.
type kernelLog struct {
	fd  int
	err error // Why it cannot be read.
}

const (
	kernelLogPath  = "/dev/kmsg"
	kernelLogLines = 40 // At most, the last.
	// kernelRecord is more than the longest record, CONSOLE_EXT_LOG_MAX.
	kernelRecord = 16 << 10
)

func openKernelLog(path string) *kernelLog {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return &kernelLog{fd: -1, err: fmt.Errorf("the kernel's log cannot be read: open %s: %w", path, err)}
	}
	return &kernelLog{fd: fd}
}

func (k *kernelLog) close() {
	if k.fd >= 0 {
		unix.Close(k.fd)
	}
}

// mark makes the next [kernelLog.since] begin now.
func (k *kernelLog) mark() {
	if k.fd < 0 {
		return
	}
	_, err := unix.Seek(k.fd, 0, unix.SEEK_END)
	if err != nil {
		err = fmt.Errorf("the kernel's log cannot be read from now on: %w", err)
	}
	k.err = err
}

// since lists the last of what was said since mark, or the reason why it is not
// known.
func (k *kernelLog) since() []string {
	if k.err != nil {
		return []string{k.err.Error()}
	}
	var lines []string
	record := make([]byte, kernelRecord)
	for {
		n, err := unix.Read(k.fd, record)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EPIPE):
			continue // EPIPE: the next record was overwritten, and is skipped.
		case err != nil || n == 0:
			return lines // EAGAIN: that was all.
		}
		lines = append(lines, kernelLine(string(record[:n])))
		lines = lines[max(0, len(lines)-kernelLogLines):]
	}
}

// kernelLine makes "6,339,5140900,-;message\n KEY=value\n" what dmesg makes of it.
func kernelLine(record string) string {
	head, message, _ := strings.Cut(record, ";")
	message, _, _ = strings.Cut(message, "\n")
	var priority, sequence, micros uint64
	if n, _ := fmt.Sscanf(head, "%d,%d,%d", &priority, &sequence, &micros); n < 3 {
		return message
	}
	return fmt.Sprintf("[%5d.%06d] %s", micros/1e6, micros%1e6, message)
}
