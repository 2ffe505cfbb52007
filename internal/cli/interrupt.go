package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// errInterrupted is why a context ended by a signal did.
var errInterrupted = errors.New("interrupted")

// errUnread is why one did when whoever read what is printed is gone, as head(1) is after
// its last line. Nobody is left to be told.
var errUnread = errors.New("nobody reads what is printed")

// exitUnread is what a shell makes of a program that SIGPIPE ended.
const exitUnread = 128 + int(syscall.SIGPIPE)

// interruptible returns a context that the first SIGINT, SIGTERM or SIGHUP
// ends, so that the step in hand can finish or be undone. The second one ends
// the program on the spot, with status failed; `testbed gc` then collects what is left.
// An output without a reader ends it too, and nothing on the spot: machines would stay.
func interruptible(stderr io.Writer, failed int) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		first := true
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
			case !first:
				fmt.Fprintln(stderr, "testbed: quit at once; what is left: testbed gc")
				os.Exit(failed)
			}
			first = false
			fmt.Fprintln(stderr, "testbed: stopping; once more to quit at once")
			cancel(errInterrupted)
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel(nil) }
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
