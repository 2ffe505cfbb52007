package harness

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience is far more than anything here takes that a user waits for, even on a busy
// machine; it ends what hangs.
const Patience = 6 * time.Minute

// output is how long the output of a process may stay open once it has ended: something
// that it has started may hold it.
const output = 30 * time.Second

// Command is one that ends within Patience, and with the test. Its process leads a group:
// of its own unless SysProcAttr is set to start a session. When its time is over that
// group is killed with all that it has started, and the test fails.
func Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return Within(t, Patience, args...)
}

// Within is Command for what a user would not wait for, such as a benchmark.
func Within(t testing.TB, patience time.Duration, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := command(ctx, args...)
	end := cmd.Cancel
	cmd.Cancel = func() error {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("%s did not end within %v and was killed", strings.Join(args, " "), patience)
		}
		return end()
	}
	return cmd
}

func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return End(cmd) }
	cmd.WaitDelay = output
	return cmd
}

// Run runs a command and says how it ended: with a status of -1 when a signal ended it.
func Run(t testing.TB, cmd *exec.Cmd) (stdout, stderr string, status int) {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v\n%s\n%s", strings.Join(cmd.Args, " "), err, &out, &complaint)
	}
	return out.String(), complaint.String(), cmd.ProcessState.ExitCode()
}

// Daemon is Command for what runs until the test ends, however long that takes.
func Daemon(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := command(ctx, args...)
	t.Cleanup(func() {
		cancel()
		if cmd.Process != nil {
			_ = cmd.Wait() // It has been killed, now or by the test.
		}
	})
	return cmd
}

// End kills a command's process, its group, and all that it has started.
func End(cmd *exec.Cmd) error {
	all := Descendants(cmd.Process.Pid)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // Some may have left it.
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL) // It may have ended.
	}
	return cmd.Process.Kill()
}

// Descendants of a process, by their ids: the nearest first.
func Descendants(pid int) (found []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // It ended meanwhile.
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if parent, _ := strconv.Atoi(fields[1]); parent == pid {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found = append(append(found, child), Descendants(child)...)
		}
	}
	return found
}
