package rr

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime's monitor wakes every 10 ms while a goroutine seems to run, and a
// thread in a raw system call seems to. On a machine of one CPU each time costs
// the loop two context switches. So while loops run, every other thread of the
// process is SCHED_IDLE: it runs when the loop waits for a packet, and yields at
// once when that comes.

// policies of sched_setscheduler(2).
const (
	schedOther = 0
	schedIdle  = 5
)

// foreground marks the calling thread as a loop's, and puts all that is not one
// into the background.
func foreground() error {
	if !mayIdle() {
		return nil
	}
	quiet.Lock()
	defer quiet.Unlock()
	self := unix.Gettid()
	if err := setPolicy(self, schedOther); err != nil {
		return err
	}
	quiet.threads[self] = true
	return setOthers(schedIdle)
}

// background unmarks the calling thread, and after the last brings the others
// back. It must be called before the thread ends: its number is used again.
func background() {
	quiet.Lock()
	defer quiet.Unlock()
	delete(quiet.threads, unix.Gettid())
	if len(quiet.threads) == 0 {
		_ = setOthers(schedOther) // They only are slower to run if this fails.
	}
}

// setOthers changes every thread but the loops'. A thread that the runtime starts
// later has the policy of the one that started it.
func setOthers(policy int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil || quiet.threads[tid] {
			continue
		}
		if err := setPolicy(tid, policy); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

func setPolicy(tid, policy int) error {
	var priority int32 // 0, as both policies require.
	_, _, errno := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, uintptr(tid), uintptr(policy), uintptr(unsafe.Pointer(&priority)))
	if errno == unix.ESRCH {
		return errno
	}
	if errno != 0 {
		return fmt.Errorf("set scheduling policy of thread %d: %w", tid, errno)
	}
	return nil
}
