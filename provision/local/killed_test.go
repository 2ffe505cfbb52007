package local

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/provision"
)

// victim is a process that brings a lab up and says what it does, until the
// test that started it kills it.
func victim() {
	signal.Ignore(unix.SIGHUP) // As nohup does.
	b, err := Open(Options{Owner: testOwner()})
	die(err)
	r := request("killed", "client", "server", "third")
	r.Ephemeral = true
	steps, err := b.Plan(context.Background(), r)
	die(err)
	for i, s := range steps {
		if s.Do != nil {
			steps[i].Do = func(ctx context.Context) error {
				fmt.Println("begin", s.Name)
				err := s.Do(ctx)
				fmt.Println("end", s.Name)
				return err
			}
		}
	}
	die(perform(context.Background(), steps))
	fmt.Println("up")
	m, err := b.Machine(context.Background(), "killed", "client")
	die(err)
	die(m.Exec(context.Background(), provision.Command{Args: []string{"sh", "-c", "echo running; exec sleep 1000"}, Stdout: os.Stdout}))
}

func die(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// Whenever a testbed is killed, gc removes what it made.
func TestKilled(t *testing.T) {
	b := live(t)
	for _, moment := range []string{
		"begin prepare killed", "end prepare killed", "begin make server", "end make server",
		"begin wire lan", "end wire lan", "begin start third", "up", "running",
	} {
		t.Run(moment, func(t *testing.T) {
			kill(t, moment, func(pid int) {
				steps, err := b.Garbage(t.Context())
				require.NoError(t, err)
				require.Empty(t, listed(steps), "what a living process works on is no garbage")
				if moment != "running" {
					return
				}
				_, err = b.Plan(t.Context(), request("killed", "client", "server"))
				require.ErrorContains(t, err, fmt.Sprintf("process %d runs it", pid))
			})
			require.Eventually(t, func() bool { return !inhabited(b.folder.lab("killed").machine("client")) }, 5*time.Second, 5*time.Millisecond,
				"what it ran ends with it, before anybody collects it")
			steps, err := b.Garbage(t.Context())
			require.NoError(t, err)
			require.NoError(t, perform(t.Context(), steps))
			requireNothingLeft(t)
			steps, err = b.Garbage(t.Context())
			require.NoError(t, err)
			require.Empty(t, steps)
		})
	}
}

// inhabited says whether a process is in a machine's namespace.
func inhabited(folder string) bool {
	var space unix.Stat_t
	if unix.Stat(folder+"/net", &space) != nil {
		return false
	}
	for _, entry := range entries("/proc") {
		if pid, err := strconv.Atoi(entry); err == nil && isIn(pid, &space) {
			return true
		}
	}
	return false
}

// What a dead process left is no obstacle to an up either.
func TestUpAfterAKill(t *testing.T) {
	b := live(t)
	kill(t, "end wire lan", func(int) {})
	r := request("killed", "client", "server")
	require.Contains(t, listed(up(t, b, r)), "create prepare killed")
	requireReaches(t, b, "killed", "client", "server", "10.77.0.2")
	down(t, b, "killed")
	requireNothingLeft(t)
}

// A kept lab is no garbage, but what a killed process left half-made in it is.
func TestGarbageInAKeptLab(t *testing.T) {
	b := live(t)
	r := request("kept", "client", "server")
	r.Ephemeral = true
	up(t, b, r)
	require.NoError(t, b.Keep(t.Context(), "kept"))
	s, err := b.folder.observe("kept")
	require.NoError(t, err)
	s.mark.Maker = ""
	require.NoError(t, s.folder.write(labMarkFile, s.mark))
	require.NoError(t, makeSpace(s.folder.machine("half"), "half", func() error { return nil }))
	steps, err := b.Garbage(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"remove remove kept/half: it was never finished"}, listed(steps))
	require.NoError(t, perform(t.Context(), steps))
	requireReaches(t, b, "kept", "client", "server", "10.77.0.2")
	down(t, b, "kept")
	requireNothingLeft(t)
}

// kill starts a victim, waits for the moment, and kills it after alive has
// looked at it.
func kill(t *testing.T, moment string, alive func(pid int)) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"=victim")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if lines.Text() == moment {
			alive(cmd.Process.Pid)
			return
		}
	}
	t.Fatalf("the victim never came to %q: %q", moment, said)
}
