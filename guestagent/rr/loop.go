package rr

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// loop is what the thread of a client or a server needs while it runs, all of it
// allocated before.
type loop struct {
	fd      uintptr
	out, in []byte
	stopped *atomic.Bool
	count   int64        // Transactions so far; the thread's own.
	beat    atomic.Int64 // Changes while there is progress, for whoever watches.
	base    int64        // What now counts from.
	away    bool         // From the scheduler; see away.go.
	last    int64        // When the last transaction ended and the next began.

	sequence uint64 // UDP: of the last request.
	width    int    // UDP: bytes of it that are sent and echoed.
	stray
}

// stray counts what did not go as it should.
type stray struct {
	lost       int64 // UDP: requests given up.
	late       int64 // UDP: answers to requests given up.
	duplicates int64 // UDP: answers that had come before.
	unexpected int64 // UDP: what is no answer at all.
	missed     int64 // Open loop: requests that were late, or never sent.
	maxLag     int64 // ns.
	// givenUp says of the last 256 requests, by the low byte of their number,
	// which were; their answers are late, and any other answer to an old request
	// is a duplicate.
	givenUp [256]bool
}

// prepare gives the loop its memory.
func (l *loop) prepare(c *Config) {
	l.out, l.in = make([]byte, c.Request), make([]byte, c.Response)
	if c.Protocol == UDP {
		l.in = make([]byte, c.Response+1)
		l.width = sequenceWidth(c.Request, c.Response)
	}
}

// errStopped says that the loop was woken to end.
var errStopped = errors.New("stopped")

// now is ns since base. time.Now would read the wall clock as well.
//
//go:nosplit
func (l *loop) now() int64 { return nanotime() - l.base }

// end is when a lap is over, whichever comes first.
type end struct {
	at    int64 // ns, as now has it.
	count int64
}

// never is a time that does not come, to which one can be added.
const never = math.MaxInt64 / 2

// lap is a stretch of transactions that are recorded in one place.
type lap struct {
	record *Recorder
	length int64 // ns from the start of the run, or never.
	count  int64
}

// end of the lap, in a run that began then.
//
//go:nosplit
func (p *lap) end(start int64) end { return end{start + p.length, p.count} }

// beatEvery transactions, and after each that took beatAfter ns, the watch is told:
// a locked instruction in each would be several of the few ns that a transaction
// costs in this process.
const (
	beatEvery = 64
	beatAfter = 1_000_000
)

// done counts a transaction that took so long.
//
//go:nosplit
func (l *loop) done(ns int64) {
	if l.count++; l.count%beatEvery == 0 || ns > beatAfter {
		l.beat.Add(1)
	}
}

// start makes the next transaction begin now.
//
//go:nosplit
func (l *loop) start() int64 {
	l.last = l.now()
	return l.last
}

// tcp runs transactions until the end, and records each.
//
// One reading of the clock ends a transaction and starts the next. So the
// transactions tile the time: rate × mean is 1 exactly, and no stall can hide
// between two of them, at the price of counting the record of the last (some
// 10 ns) into the next.
//
//go:nosplit
func (l *loop) tcp(r *Recorder, until end) error {
	for t := l.last; ; {
		if err := l.send(); err != nil {
			return err
		}
		if got, err := l.receive(); err != nil {
			return l.cut(err, got, "answer")
		}
		now := l.now()
		r.record(now - t)
		l.done(now - t)
		t = now
		if now >= until.at || r.count >= until.count {
			l.last = now
			return nil
		}
	}
}

// serveTCP answers until the client closes the connection.
//
//go:nosplit
func (l *loop) serveTCP() error {
	l.away = true
	entersyscallblock()
	for {
		got, err := l.receive()
		if err == io.EOF && got == 0 {
			return nil
		}
		if err != nil {
			return l.cut(err, got, "request")
		}
		if err := l.send(); err != nil {
			return err
		}
		l.count++
	}
}

// send writes all of out.
//
//go:nosplit
func (l *loop) send() error {
	for sent := 0; sent < len(l.out); {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, l.fd,
			uintptr(unsafe.Pointer(&l.out[sent])), uintptr(len(l.out)-sent), syscall.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			sent += int(n)
		case syscall.EINTR:
		default:
			return l.failed("send", errno)
		}
	}
	return nil
}

// receive fills in, or says how far it got. io.EOF is the other end's close.
//
//go:nosplit
func (l *loop) receive() (got int, err error) {
	for got < len(l.in) {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, l.fd,
			uintptr(unsafe.Pointer(&l.in[got])), uintptr(len(l.in)-got), 0, 0, 0)
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			return got, l.failed("receive", errno)
		case n == 0:
			l.rejoin()
			return got, io.EOF
		default:
			got += int(n)
		}
	}
	return got, nil
}

// failed explains a system call's error, and comes back to the scheduler.
//
//go:nosplit
func (l *loop) failed(verb string, errno syscall.Errno) error {
	l.rejoin()
	return l.failure(verb, errno)
}

func (l *loop) failure(verb string, errno syscall.Errno) error {
	if l.stopped.Load() {
		return errStopped
	}
	return fmt.Errorf("%s after %d transactions: %w", verb, l.count, errno)
}

// cut explains the end of a stream in the middle of something.
func (l *loop) cut(err error, got int, what string) error {
	if err != io.EOF {
		return err
	}
	if l.stopped.Load() {
		return errStopped
	}
	return fmt.Errorf("receive after %d transactions: the other end closed the connection after %d of the %d bytes of the %s",
		l.count, got, len(l.in), what)
}
