package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is why a context ended by a signal did.
var errInterrupted = errors.New("interrupted")

// interruptible returns a context that the first SIGINT, SIGTERM or SIGHUP
// ends, so that the step in hand can finish or be undone. The second one ends
// the program on the spot, with status failed; `testbed gc` then collects what is left.
func interruptible(stderr io.Writer, failed int) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case <-done:
				return
			case <-signals:
			}
			if !first {
				fmt.Fprintln(stderr, "testbed: quit at once; what is left: testbed gc")
				os.Exit(failed)
			}
			fmt.Fprintln(stderr, "testbed: stopping; once more to quit at once")
			cancel(errInterrupted)
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel(nil) }
}
