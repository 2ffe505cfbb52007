package rr

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime's monitor wakes every 10 ms while a goroutine seems to run, as one in
// a raw system call does, but for the loops of away.go. On a machine of one CPU
// each time costs the loop two context switches. So while loops run, every other
// thread of the process is SCHED_IDLE: it runs when the loop waits for a packet,
// and yields at once when that comes.

// policies of sched_setscheduler(2).
const (
	schedOther = 0
	schedFIFO  = 1
	schedIdle  = 5
)

// foreground marks the calling thread as a loop's, and puts all that is not one
// into the background. With a priority it is scheduled before all ordinary ones.
func foreground(priority int) error {
	if !mayIdle() {
		return claim(unix.Gettid(), priority)
	}
	quiet.Lock()
	defer quiet.Unlock()
	self := unix.Gettid()
	if err := claim(self, priority); err != nil {
		return err
	}
	quiet.threads[self] = true
	return setOthers(schedIdle)
}

func claim(thread, priority int) error {
	if priority == 0 {
		return setPolicy(thread, schedOther, 0) // What it is already, unless it came from the background.
	}
	err := setPolicy(thread, schedFIFO, priority)
	if err == unix.EPERM {
		return fmt.Errorf("schedule the loop with SCHED_FIFO %d: it takes root (CAP_SYS_NICE), or a higher limit: ulimit -r", priority)
	}
	return err
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
		if err := setPolicy(tid, policy, 0); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// setPolicy takes a priority of 0 for all policies but SCHED_FIFO.
func setPolicy(tid, policy, priority int) error {
	parameter := int32(priority)
	_, _, errno := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, uintptr(tid), uintptr(policy), uintptr(unsafe.Pointer(&parameter)))
	if errno == unix.ESRCH || errno == unix.EPERM && policy == schedFIFO {
		return errno
	}
	if errno != 0 {
		return fmt.Errorf("set scheduling policy of thread %d: %w", tid, errno)
	}
	return nil
}
