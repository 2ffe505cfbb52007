// Package namespace makes network namespaces and runs code in them. It holds a
// namespace by file descriptor only, gives it no name and mounts nothing, so the
// kernel removes it with all its devices when the process ends, however it ends.
// It knows nothing of links or addresses.
//
// Invariant: a thread that was moved is never given back to the Go scheduler.
package namespace

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/thread"
)

// Namespace is an open network namespace.
type Namespace struct {
	file *os.File
	own  bool // Every thread that was not moved is in it.
}

// Own opens the namespace that the process was started in.
func Own() (*Namespace, error) {
	file, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open network namespace of this process: %w", err)
	}
	return &Namespace{file: file, own: true}, nil
}

// Of opens the namespace of another process.
func Of(pid int) (*Namespace, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open network namespace of process %d: there is no such process", pid)
	}
	if err != nil {
		return nil, fmt.Errorf("open network namespace of process %d: %w", pid, err)
	}
	return &Namespace{file: file}, nil
}

// New makes a namespace and runs prepare in it before anyone else can: the place
// to write sysctls that devices inherit when they are made. prepare may be nil.
func New(prepare func() error) (*Namespace, error) {
	var made *Namespace
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return fmt.Errorf("open network namespace of this thread: %w", err)
		}
		made = &Namespace{file: file}
		if prepare == nil {
			return nil
		}
		return prepare()
	})
	if err != nil {
		if made != nil {
			made.Close()
		}
		return nil, err
	}
	return made, nil
}

// FD is the namespace's file descriptor. It is valid until Close.
func (n *Namespace) FD() int { return int(n.file.Fd()) }

// Close lets go of the namespace. The kernel removes it when no socket, thread
// or descriptor is left in it; this happens after Close has returned.
func (n *Namespace) Close() error { return n.file.Close() }

// Enter moves the calling thread into the namespace. The caller has locked the
// goroutine to its thread and never unlocks it, so that the thread dies with it.
func (n *Namespace) Enter() error {
	if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return nil
}

// Do runs f on a thread in the namespace. Goroutines that f starts are not in it.
func (n *Namespace) Do(f func() error) error {
	if n.own {
		return f()
	}
	return onThread(func() error {
		if err := n.Enter(); err != nil {
			return err
		}
		return f()
	})
}

// onThread runs f on a thread that can be moved at will, because it ends with f.
func onThread(f func() error) error { return <-thread.Run(f) }
