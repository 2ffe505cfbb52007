package rr

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// Stopping the world waits for every running thread, and a thread in a raw
// system call looks as if it ran, unless its loop has left the scheduler (away.go):
// the runtime would hang until the next packet.
// So while any loop of this process runs there is no garbage collection, and the
// number of Ps is set before the first one and never after.
var quiet struct {
	sync.Mutex
	loops   int
	percent int
	limit   int64
	procs   sync.Once
	threads map[int]bool // Of loops; see background.go.
}

const (
	// pinned is how many loops one process runs at most: a client and a server,
	// where two agents share a process. Each holds a P.
	pinned = 2
	// memoryLimit, in bytes, at which a collection would be forced all the same.
	// What a block allocates outside of its loop is under 2 MB.
	memoryLimit = 128 << 20
)

// awaitCollection returns when no collection is under way, and none is about to begin.
//
// A goroutine that has found the heap full goes on to collect whatever SetGCPercent
// says meanwhile: it is past the question, and waits for a lock (gcStart's work.startSema
// held, at gcsema; Go 1.26). A counted guest came to that always at one seed, and stood
// still. GC takes the same way, so that goroutine is done before it.
//
// GC in turn, as SetGCPercent, waits for the marking only, and what follows
// (gcMarkTermination's forEachP) waits for every P, also for one that a loop holds,
// blocked in the kernel: it kept the other Ps busy asking, and the watch, whose timer
// that P had, did not run. ReadMemStats takes the lock that is held until a collection
// is over.
func awaitCollection() {
	runtime.GC()
	var unused runtime.MemStats
	runtime.ReadMemStats(&unused)
}

// hush makes the runtime quiet until the returned function is called.
func hush() (release func()) {
	quiet.procs.Do(func() { runtime.GOMAXPROCS(max(runtime.NumCPU(), pinned+1)) })
	quiet.Lock()
	defer quiet.Unlock()
	if quiet.loops++; quiet.loops == 1 {
		quiet.threads = make(map[int]bool)
		quiet.percent = debug.SetGCPercent(-1)
		quiet.limit = debug.SetMemoryLimit(memoryLimit)
		awaitCollection()
	}
	return sync.OnceFunc(func() {
		quiet.Lock()
		defer quiet.Unlock()
		if quiet.loops--; quiet.loops == 0 {
			debug.SetMemoryLimit(quiet.limit)
			debug.SetGCPercent(quiet.percent)
		}
	})
}
