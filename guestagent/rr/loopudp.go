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
//
//go:nosplit
func (l *loop) udp(r *Recorder, until end) error {
	t := l.last
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
		if answered && now-t >= int64(answerTimeout) { // Between that and the watch's next look.
			l.giveUp(l.sequence)
			l.strayed(l.sequence, true)
			answered = false
		}
		if answered {
			r.record(now - t)
			l.done(now - t)
			silent = 0
		} else if silent++; silent == unanswered {
			l.rejoin()
			return l.unheard(silent)
		}
		t = now
		if now >= until.at || r.count >= until.count {
			l.last = now
			return nil
		}
	}
}

// unheard says that so many requests in a row had no answer.
func (l *loop) unheard(silent int) error {
	return fmt.Errorf("receive after %d transactions: %d requests in a row had no answer within %v", l.count, silent, answerTimeout)
}

// stamp numbers the request.
//
//go:nosplit
func (l *loop) stamp() {
	l.sequence++
	l.givenUp[byte(l.sequence)] = false
	switch l.width {
	case 8:
		binary.LittleEndian.PutUint64(l.out, l.sequence)
	case 4:
		binary.LittleEndian.PutUint32(l.out, uint32(l.sequence))
	default:
		l.out[0] = byte(l.sequence)
	}
}

// echoed reads the number of a datagram of n bytes that may be an answer. Of one
// byte, or four, it is the nearest number to the last request's that ends so.
//
//go:nosplit
func (l *loop) echoed(n int) (sequence uint64, whole bool) {
	if n != len(l.in)-1 {
		return 0, false
	}
	switch l.width {
	case 8:
		return binary.LittleEndian.Uint64(l.in), true
	case 4:
		return l.sequence - uint64(uint32(l.sequence)-binary.LittleEndian.Uint32(l.in)), true
	default:
		return l.sequence - uint64(byte(l.sequence)-l.in[0]), true
	}
}

// strayed counts a datagram that is not the answer that is waited for.
//
//go:nosplit
func (l *loop) strayed(sequence uint64, whole bool) {
	switch {
	case !whole || sequence > l.sequence:
		l.unexpected++
	case l.givenUp[byte(sequence)]:
		l.givenUp[byte(sequence)] = false
		l.late++
	default:
		l.duplicates++
	}
}

// giveUp counts a request as lost.
//
//go:nosplit
func (l *loop) giveUp(sequence uint64) {
	l.lost++
	l.givenUp[byte(sequence)] = true
	l.beat.Add(1)
}

// answer waits for the answer to the last request, sent about t. What arrives
// instead is counted. The receive has no time-out, which would arm and cancel a
// kernel timer in each transaction: the watch gives it one when there has been no
// answer for too long, and ends the receive that has none yet (see nudge).
//
//go:nosplit
func (l *loop) answer(t int64) (answered bool, err error) {
	for {
		n, errno := l.datagram()
		switch {
		case errno == syscall.EINTR || errno == syscall.EAGAIN:
			if errno := setTimeout(int(l.fd), syscall.SO_RCVTIMEO, 0); errno != 0 {
				return false, l.failed("set socket's time-out", errno)
			}
			if l.now()-t < int64(answerTimeout) { // The nudge came with the last answer.
				continue
			}
			l.giveUp(l.sequence)
			return false, nil
		case errno != 0:
			return false, l.failed("receive", errno)
		case n == 0 && l.stopped.Load():
			l.rejoin()
			return false, errStopped
		}
		sequence, whole := l.echoed(n)
		if whole && sequence == l.sequence {
			return true, nil
		}
		l.strayed(sequence, whole)
		if l.now()-t >= int64(answerTimeout) {
			l.giveUp(l.sequence)
			return false, nil
		}
	}
}

// datagram receives one. in has a byte more than an answer, to show a longer one.
//
//go:nosplit
func (l *loop) datagram() (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, l.fd,
		uintptr(unsafe.Pointer(&l.in[0])), uintptr(len(l.in)), 0, 0, 0)
	return int(n), errno
}

// serveUDP answers until it is stopped; first is the length of the datagram that
// is in the buffer already. The client's going away shows as a refused
// connection, and is no reason to end: that is for the agent to say.
//
//go:nosplit
func (l *loop) serveUDP(first int) error {
	l.away = true
	entersyscallblock()
	for n := first; ; {
		if n == len(l.in)-1 {
			copy(l.out[:l.width], l.in[:l.width])
			if l.send() == nil { // Else it goes on within the scheduler.
				l.count++
			}
		}
		var errno syscall.Errno
		n, errno = l.datagram()
		switch {
		case l.stopped.Load():
			l.rejoin()
			return nil
		case errno == syscall.EINTR || errno == syscall.ECONNREFUSED:
			n = 0
		case errno != 0:
			return l.failed("receive", errno)
		}
	}
}
