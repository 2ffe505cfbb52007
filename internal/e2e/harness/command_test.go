package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A process that starts another in its group and one in a session of its own, and says
// who they are once both run.
const family = `sleep 1000 & echo $!; setsid sh -c 'echo $$; exec sleep 1000' & wait`

// TestEndReachesAll: what a process has started ends with it, also what left its group.
func TestEndReachesAll(t *testing.T) {
	cmd := Daemon(t, "sh", "-c", family)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said := bufio.NewScanner(out)
	for range 2 { // Children.
		require.True(t, said.Scan())
	}
	require.NoError(t, End(cmd))
	// Both hold the pipe, so its end is theirs.
	require.NoError(t, out.(*os.File).SetReadDeadline(time.Now().Add(Patience)))
	require.False(t, said.Scan())
	require.NoError(t, said.Err())
	require.Error(t, cmd.Wait())
}

// recorder is a test that keeps what it is told and goes on.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// TestADeadlineFailsTheTest: a process that does not end is killed, and named.
func TestADeadlineFailsTheTest(t *testing.T) {
	rec := &recorder{TB: t}
	cmd := Within(rec, time.Millisecond, "sleep", "1000")
	// On a busy machine its time may be over before it begins.
	for patience := 2 * time.Millisecond; errors.Is(cmd.Start(), context.DeadlineExceeded); patience *= 2 {
		cmd = Within(rec, patience, "sleep", "1000")
	}
	require.ErrorContains(t, cmd.Wait(), "killed")
	require.Len(t, rec.errors, 1)
	require.Contains(t, rec.errors[0], "sleep 1000 did not end within ")
}

func TestRun(t *testing.T) {
	stdout, stderr, status := Run(t, Command(t, "sh", "-c", "echo out; echo err >&2; exit 7"))
	require.Equal(t, []any{"out\n", "err\n", 7}, []any{stdout, stderr, status})
}
