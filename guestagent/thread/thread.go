// Package thread runs a function on an operating system thread that ends with
// it, so that whatever the function did to its thread (namespace, affinity,
// scheduling) is seen by nothing else. It is no pool.
//
// Invariant: the thread is never the process's main one, which cannot end: Go
// would park it for good, in whatever namespace it was moved to.
package thread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Run starts f and sends its error when it is done. The thread itself ends
// shortly after.
func Run(f func() error) <-chan error {
	done := make(chan error, 1)
	go start(f, done)
	return done
}

// start locks the goroutine to its thread, for ever. On the main thread it
// occupies that one until another goroutine has found another thread.
func start(f func() error, done chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		done <- f()
		return
	}
	found := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(found)
		done <- f()
	}()
	<-found
	runtime.UnlockOSThread()
}
