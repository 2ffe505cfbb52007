package thread_test

import (
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/thread"
)

// TestThreadEnds: none is the main thread, and all are gone afterwards. Many at
// once, because the main thread is free to take any of them.
func TestThreadEnds(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]bool{}
	var results []<-chan error
	for range 50 {
		results = append(results, thread.Run(func() error {
			mu.Lock()
			seen[unix.Gettid()] = true
			mu.Unlock()
			time.Sleep(time.Millisecond)
			return nil
		}))
	}
	for _, result := range results {
		require.NoError(t, <-result)
	}
	require.Len(t, seen, 50)
	require.NotContains(t, seen, os.Getpid())
	require.Eventually(t, func() bool {
		for tid := range seen {
			if _, err := os.Stat("/proc/self/task/" + strconv.Itoa(tid)); err == nil {
				return false
			}
		}
		return true
	}, 5*time.Second, time.Millisecond)
}
