package rr

import _ "unsafe" // For go:linkname.

// Go's scheduler takes a goroutine that has run for 10 ms off its thread where it next
// calls a function, also without asynchronous preemption, and a loop in raw system calls
// seems to run all the time. One that is locked to its thread is then handed from thread
// to thread: four context switches or more. So the loops of one connection run outside
// the scheduler, as a system call does that blocks: the processor that the runtime gave
// them is idle, and its monitor, which would wake every 10 ms, sleeps. In a guest with
// two processors that executes 125 million instructions a second, the first took 1.9% of
// a transaction's, and the monitor 0.5%.
//
// What runs there may not grow its stack: every function that it calls is go:nosplit,
// allocates nothing and writes no pointer to the heap, or comes back first (rejoin).
// A call of any other function ends the program the first time ("stack split at bad
// time"), so no such call hides behind luck. The three functions are of those that the
// runtime lets others link to and keeps as they are (go.dev/issue/67401).

// entersyscallblock leaves the scheduler. The function that calls it must not return
// before rejoin, for its frame is where the runtime begins to look for pointers; so it
// cannot be wrapped.
//
//go:linkname entersyscallblock runtime.entersyscallblock
func entersyscallblock()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

// nanotime is the monotonic clock, read through the vDSO.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64

// rejoin comes back to the scheduler, from wherever below the call that left it. It does
// nothing in a loop that never left.
//
//go:nosplit
func (l *loop) rejoin() {
	if l.away {
		l.away = false
		exitsyscall()
	}
}
