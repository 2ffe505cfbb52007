package rr

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"unsafe"
)

// sequenceWidth is how many bytes of a sequence number fit into both request and
// response. With one byte, an answer that is 256 requests late passes for this
// one's; at 200 ms for each lost request that is a long time.
func sequenceWidth(request, response int) int {
	switch size := min(request, response); {
	case size >= 8:
		return 8
	case size >= 4:
		return 4
	default:
		return 1
	}
}

// udp runs transactions until the end. A request without an answer in time is
// counted as lost, and the clock starts afresh with the next; its time is no
// transaction's.
func (l *loop) udp(r *Recorder, until end) error {
	t := l.now()
	for silent := 0; ; {
		l.stamp()
		if err := l.send(); err != nil {
			return err
		}
		answered, err := l.answer(t)
		if err != nil {
			return err
		}
		now := l.now()
		if answered {
			r.record(now - t)
			l.progress.Add(1)
			silent = 0
		} else if silent++; silent == unanswered {
			return fmt.Errorf("receive after %d transactions: %d requests in a row had no answer within %v", l.progress.Load(), silent, answerTimeout)
		}
		t = now
		if now >= until.at || r.count >= until.count {
			return nil
		}
	}
}

// stamp numbers the request.
func (l *loop) stamp() {
	l.sequence++
	switch l.width {
	case 8:
		binary.LittleEndian.PutUint64(l.out, l.sequence)
	case 4:
		binary.LittleEndian.PutUint32(l.out, uint32(l.sequence))
	default:
		l.out[0] = byte(l.sequence)
	}
}

func (l *loop) expected(n int) bool {
	if n != len(l.in)-1 {
		return false
	}
	switch l.width {
	case 8:
		return binary.LittleEndian.Uint64(l.in) == l.sequence
	case 4:
		return binary.LittleEndian.Uint32(l.in) == uint32(l.sequence)
	default:
		return l.in[0] == byte(l.sequence)
	}
}

// answer waits for the answer to the last request, sent about t. What arrives
// instead is counted: as late if a request was given up for which it may be, or
// as unexpected.
func (l *loop) answer(t int64) (answered bool, err error) {
	for {
		n, errno := l.datagram()
		switch {
		case errno == syscall.EINTR && l.now()-t < int64(answerTimeout):
			continue
		case errno == syscall.EAGAIN || errno == syscall.EINTR:
			l.lost++
			return false, nil
		case errno != 0:
			return false, l.failed("receive", errno)
		case l.expected(n):
			return true, nil
		case n == 0 && l.stopped.Load():
			return false, errStopped
		case l.late < l.lost:
			l.late++
		default:
			l.unexpected++
		}
		if l.now()-t >= int64(answerTimeout) {
			l.lost++
			return false, nil
		}
	}
}

// datagram receives one. in has a byte more than an answer, to show a longer one.
func (l *loop) datagram() (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, l.fd,
		uintptr(unsafe.Pointer(&l.in[0])), uintptr(len(l.in)), 0, 0, 0)
	return int(n), errno
}

// serveUDP answers until it is stopped; first is the length of the datagram that
// is in the buffer already. The client's going away shows as a refused
// connection, and is no reason to end: that is for the agent to say.
func (l *loop) serveUDP(first int) error {
	for n := first; ; {
		if n == len(l.in)-1 {
			copy(l.out[:l.width], l.in[:l.width])
			if l.send() == nil {
				l.progress.Add(1)
			}
		}
		var errno syscall.Errno
		n, errno = l.datagram()
		switch {
		case l.stopped.Load():
			return nil
		case errno == syscall.EINTR || errno == syscall.ECONNREFUSED:
			n = 0
		case errno != 0:
			return l.failed("receive", errno)
		}
	}
}
