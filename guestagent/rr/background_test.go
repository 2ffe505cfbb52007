package rr_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/rr"
)

const schedIdle = 5

// idleThreads lists the threads of this process that are SCHED_IDLE.
func idleThreads(t *testing.T) (idle []int) {
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		require.NoError(t, err)
		policy, _, errno := unix.Syscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(tid), 0, 0)
		if errno == 0 && policy == schedIdle {
			idle = append(idle, tid)
		}
	}
	return idle
}

// TestOthersYield: while a loop runs, all other threads are in the background.
func TestOthersYield(t *testing.T) {
	c := config(rr.TCP)
	server := listen(t, c)
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(idleThreads(t)), len(tasks)-2, "all but the loop's own")
	_, err = server.Stop()
	require.NoError(t, err)
	require.Empty(t, idleThreads(t))
}
