package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// helperVariable makes the test binary an agent that starts a tool and waits.
const helperVariable = "ENGINE_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) == "" {
		os.Exit(m.Run())
	}
	p, err := (&Config{Engine: Sockperf}).start(context.Background(), "sleep", "60")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.cmd.Process.Pid)
	<-p.ended
}

// fake puts a program of this name first in PATH.
func fake(t *testing.T, name, body string) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	nowhere  = Target{Address: netip.MustParseAddrPort("127.0.0.1:9"), Control: 9}
)

func TestMissingTool(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	was := folders
	folders = nil
	defer func() { folders = was }()
	_, err := Run(t.Context(), Config{Engine: Netperf, Test: test("tcp_rr")}, loopback, nowhere)
	require.ErrorIs(t, err, ErrUnsupported)
	require.EqualError(t, err, "netperf is not installed: Debian package netperf")
	_, err = Listen(t.Context(), Config{Engine: Netperf, Test: test("tcp_rr")}, loopback, 0, 0)
	require.EqualError(t, err, "netserver is not installed: Debian package netperf")
	_, err = Listen(t.Context(), Config{Engine: Sockperf, Test: test("tcp_rr")}, loopback, 0, 0)
	require.EqualError(t, err, "sockperf is not installed: Debian package sockperf")
}

func TestClientThatFails(t *testing.T) {
	for name, tool := range map[string]struct{ body, want string }{
		"status":  {"echo one; echo two >&2; exit 3", "netperf failed (exit status 3); it said last: one | two"},
		"killed":  {"kill -9 $$", "netperf failed (signal: killed); it said nothing"},
		"nothing": {"exit 0", "read netperf's figures: there is no P50_LATENCY; it said nothing"},
		"long":    {"i=0; while [ $i -lt 9999 ]; do echo line $i; i=$((i+1)); done; exit 1", "last: line 9993 | line 9994 |"},
	} {
		t.Run(name, func(t *testing.T) {
			fake(t, "netperf", tool.body)
			c := Config{Engine: Netperf, Test: test("tcp_rr")}
			_, err := Run(t.Context(), c, loopback, nowhere)
			require.ErrorContains(t, err, tool.want)
			require.NotErrorIs(t, err, ErrUnsupported)
		})
	}
}

// TestClientEndsWithItsContext, also one that will not hear of it.
func TestClientEndsWithItsContext(t *testing.T) {
	fake(t, "netperf", "trap '' TERM; echo begun; while :; do sleep 0.1; done")
	gone := errors.New("the session is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(200*time.Millisecond, func() { cancel(gone) })
	_, err := Run(ctx, Config{Engine: Netperf, Test: test("tcp_rr")}, loopback, nowhere)
	require.ErrorIs(t, err, gone)
	require.ErrorContains(t, err, "begun")
}

func TestServerThatDoesNotListen(t *testing.T) {
	c := Config{Engine: Sockperf, Test: test("udp_rr")}
	fake(t, "sockperf", "echo no such device; exit 1")
	_, err := Listen(t.Context(), c, loopback, 0, 0)
	require.ErrorContains(t, err, "wait until sockperf listens on udp 127.0.0.1:")
	require.ErrorContains(t, err, "sockperf ended by itself (exit status 1); it said last: no such device")

	fake(t, "sockperf", "exec sleep 60")
	slow := errors.New("the test waits no longer")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, slow)
	defer cancel()
	_, err = Listen(ctx, c, loopback, 0, 0)
	require.ErrorIs(t, err, slow)
}

// TestKilledAgentLeavesNoTool: the kernel ends the tool with the agent's thread.
func TestKilledAgentLeavesNoTool(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	agent := exec.Command(self)
	agent.Env = append(os.Environ(), helperVariable+"=1")
	out, err := agent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, agent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	command := "/proc/" + strings.TrimSpace(line) + "/cmdline"
	content, err := os.ReadFile(command)
	require.NoError(t, err)
	require.Equal(t, "60", strings.Split(string(content), "\x00")[1])

	require.NoError(t, agent.Process.Kill())
	_ = agent.Wait() // It was killed.
	require.Eventually(t, func() bool {
		content, _ := os.ReadFile(command) // Empty of a process that is dead.
		return len(content) == 0
	}, 10*time.Second, 5*time.Millisecond)
}
