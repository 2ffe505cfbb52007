package rr

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHushCollects: what lets no collection begin later is that the hush makes one itself,
// which takes its turn behind any that a goroutine had decided upon. Whether there is one
// is luck, so the next test tells in some of its runs only that this is missing.
func TestHushCollects(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	forced := func() uint32 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.NumForcedGC
	}
	before := forced()
	outer := hush()
	require.Equal(t, before+1, forced())
	inner := hush()
	require.Equal(t, before+1, forced(), "a loop that waits for a packet would hold it up")
	inner()
	outer()
}

// TestNoCollectionBeginsInTheHush: not even one that another goroutine had decided upon
// before. Goroutines fill the heap all the time, so that there often is such a one, but
// never as far as to the memory limit.
func TestNoCollectionBeginsInTheHush(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	const most = memoryLimit / 4 >> 10
	var allocated atomic.Int64 // KiB in this hush.
	var stop atomic.Bool
	var allocators sync.WaitGroup
	for range 4 {
		allocators.Go(func() {
			var kept [64][]byte
			for i := 0; !stop.Load(); i++ {
				if allocated.Add(1) < most {
					kept[i%len(kept)] = make([]byte, 1<<10)
				}
				runtime.Gosched()
			}
		})
	}
	for range 100 {
		allocated.Store(0)
		release := hush()
		var before, after debug.GCStats
		debug.ReadGCStats(&before)
		for range 50 { // Others run, and would collect.
			runtime.Gosched()
		}
		debug.ReadGCStats(&after)
		release()
		if before.NumGC != after.NumGC {
			t.Error("a collection began")
			break
		}
	}
	stop.Store(true)
	allocators.Wait()
	require.Zero(t, quiet.loops)
}
