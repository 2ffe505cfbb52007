package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errInterrupted is why a context ended by a signal did.
var errInterrupted = errors.New("interrupted")

// errUnread is why one did when whoever read what is printed is gone, as head(1) is after
// its last line. Nobody is left to be told.
var errUnread = errors.New("nobody reads what is printed")

// exitUnread is what a shell makes of a program that SIGPIPE ended.
const exitUnread = 128 + int(syscall.SIGPIPE)

// sameWish is how long after the first signal others are that one again: timeout(1)
// sends its to the program and to its group, so twice within microseconds.
const sameWish = time.Second

// interruptible returns a context that the first SIGINT, SIGTERM or SIGHUP
// ends, so that the step in hand can finish or be undone. One that comes a second later or
// more ends the program on the spot, with status failed; `testbed gc` then collects what is left.
// An output without a reader ends it too, and nothing on the spot: machines would stay.
func interruptible(stderr io.Writer, failed int) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		var asked wish
		for {
			var s os.Signal
			select {
			case <-done:
				return
			case s = <-signals:
			}
			switch {
			case s == syscall.SIGPIPE: // Of any pipe or socket, and of the others a write's error tells.
				if unread(unix.Stdout, unix.Stderr) {
					cancel(errUnread)
				}
				continue
			case asked.again(time.Now()):
				fmt.Fprintln(stderr, "testbed: quit at once; what is left: testbed gc")
				os.Exit(failed)
			case context.Cause(ctx) != errInterrupted:
				fmt.Fprintln(stderr, "testbed: stopping; once more, after a second, to quit at once")
				cancel(errInterrupted)
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel(nil) }
}

// wish is the time of the first signal that asked to stop.
type wish struct{ first time.Time }

// again says whether a signal asks once more, and is not the first one sent twice.
func (w *wish) again(at time.Time) bool {
	if w.first.IsZero() {
		w.first = at
	}
	return at.Sub(w.first) >= sameWish
}

// unread says whether one of the files is a pipe or a socket without a reader.
func unread(files ...int) bool {
	for _, fd := range files {
		asked := []unix.PollFd{{Fd: int32(fd)}}
		if n, err := unix.Poll(asked, 0); err == nil && n > 0 && asked[0].Revents&unix.POLLERR != 0 {
			return true
		}
	}
	return false
}
