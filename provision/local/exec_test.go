package local

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/provision"
)

func pair(t *testing.T) (*Backend, provision.Machine) {
	t.Helper()
	b := live(t)
	up(t, b, request("exec", "client", "server"))
	m, err := b.Machine(t.Context(), "exec", "client")
	require.NoError(t, err)
	return b, m
}

func TestExec(t *testing.T) {
	_, m := pair(t)
	var out, errs bytes.Buffer
	run := func(args ...string) error {
		out.Reset()
		errs.Reset()
		return m.Exec(t.Context(), provision.Command{Args: args, Stdin: strings.NewReader("hello"), Stdout: &out, Stderr: &errs})
	}
	require.NoError(t, run("cat"))
	require.Equal(t, "hello", out.String())
	require.NoError(t, run("printf", "%s|", "a  b", "$HOME", `"'`))
	require.Equal(t, `a  b|$HOME|"'|`, out.String(), "arguments stay as they are")
	statuses := map[int][]string{42: {"sh", "-c", "exit 42"}, 127: {"no-such-program"}, 137: {"sh", "-c", "kill -KILL $$"}}
	for status, args := range statuses {
		var exit *provision.ExitError
		require.ErrorAs(t, run(args...), &exit, args)
		require.Equal(t, status, exit.Status, args)
	}
	t.Setenv("GODEBUG", "of=ours")
	require.NoError(t, run("env"))
	require.NotContains(t, out.String(), "GODEBUG", "what is measured does not get our settings")
}

// What a command leaves in the background holds neither us nor down.
func TestBackground(t *testing.T) {
	b, m := pair(t)
	var out bytes.Buffer
	require.NoError(t, m.Exec(t.Context(), provision.Command{
		Args: []string{"sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"}, Stdout: &out,
	}))
	pid := strings.TrimSpace(out.String())
	require.DirExists(t, "/proc/"+pid)
	down(t, b, "exec")
	state, err := os.ReadFile("/proc/" + pid + "/stat")
	require.True(t, err != nil || strings.Contains(string(state), ") Z "), "the machine's power is off")
	requireNothingLeft(t)
}

// Cancelling ends the command and what it started, and a reader that never ends
// does not hold it up.
func TestCancel(t *testing.T) {
	_, m := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	stdin, _ := io.Pipe()
	stdout, says := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- m.Exec(ctx, provision.Command{Args: []string{"sh", "-c", "sleep 1000 & echo $!; wait"}, Stdin: stdin, Stdout: says})
	}()
	buffer := make([]byte, 32)
	n, err := stdout.Read(buffer)
	require.NoError(t, err)
	pid := strings.TrimSpace(string(buffer[:n]))
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Eventually(t, func() bool {
		state, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(state), ") Z ")
	}, 5*time.Second, 5*time.Millisecond)
}

func TestTerminal(t *testing.T) {
	_, m := pair(t)
	var out bytes.Buffer
	sizes := make(chan [2]int)
	require.NoError(t, m.Exec(t.Context(), provision.Command{
		Args: []string{"sh", "-c", "tty; stty size; echo $TERM"}, Stdout: &out,
		TTY: &provision.TTY{Term: "xterm", Width: 101, Height: 33, Resize: sizes},
	}))
	require.Regexp(t, `^/dev/pts/\d+\r\n33 101\r\nxterm\r\n$`, out.String())
}

func TestCPUs(t *testing.T) {
	b, m := pair(t)
	all, err := ownCPUs()
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, m.Exec(t.Context(), provision.Command{Args: []string{"sh", "-c", "grep Cpus_allowed_list /proc/self/status"}, Stdout: &out}))
	require.Equal(t, "Cpus_allowed_list:\t"+cpuList(all[:1]), strings.TrimSpace(out.String()))
	facts, err := b.Facts(t.Context(), "exec")
	require.NoError(t, err)
	require.Equal(t, cpuList(all[:1]), facts["machine_cpus"].(map[string]any)["exec/client"])
	after, err := ownCPUs()
	require.NoError(t, err)
	require.Equal(t, all, after, "our own threads stay where they were")
}

// The agent runs also where /run forbids to run programs.
func TestAgentOnANoexecRun(t *testing.T) {
	live(t)
	root := t.TempDir()
	require.NoError(t, unix.Mount("testbed-test", root, "tmpfs", unix.MS_NOEXEC, ""))
	t.Cleanup(func() { require.NoError(t, unmount(root)) })
	require.NoError(t, os.WriteFile(root+"/program", []byte("#!/bin/sh\n"), 0o755))
	require.Error(t, unix.Access(root+"/program", unix.X_OK), "programs are forbidden here")

	b, err := Open(Options{Owner: testOwner(), Root: root + "/local"})
	require.NoError(t, err)
	defer b.Close()
	up(t, b, request("agent", "client", "server"))
	defer down(t, b, "agent")
	m, err := b.Machine(t.Context(), "agent", "client")
	require.NoError(t, err)
	for _, text := range []string{"one", "two"} {
		path, err := m.PushAgent(t.Context(), []byte("#!/bin/sh\necho agent "+text+"\n"))
		require.NoError(t, err)
		require.Equal(t, "agent "+text, said(t, b, "agent", "server", path))
	}
	_, err = m.Console(t.Context())
	require.ErrorContains(t, err, "not on this backend")
	log, err := m.ConsoleLog(t.Context())
	require.NoError(t, err)
	require.Nil(t, log)
}
