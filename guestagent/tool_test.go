package guestagent_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// requireTools skips where the tools are not installed, and fails where
// scripts/setup --test has installed them once.
func requireTools(t *testing.T) {
	t.Helper()
	for _, name := range []string{"netperf", "netserver", "sockperf"} {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		pkg := strings.Replace(name, "netserver", "netperf", 1)
		if _, err := os.Stat("/var/lib/dpkg/info/" + pkg + ".list"); err == nil {
			t.Fatalf("Debian package %s is installed, and there is no %s", pkg, name)
		}
		t.Skipf("this machine lacks %s: scripts/setup --test installs it", name)
	}
}

// withEngines puts a block of each engine after each of our own.
func withEngines(segment *proto.Segment, engines ...string) {
	var blocks []proto.Block
	for _, block := range segment.Blocks {
		for _, engine := range append([]string{""}, engines...) {
			block.Index, block.Engine = len(blocks), engine
			blocks = append(blocks, block)
		}
	}
	segment.Blocks = blocks
}

// TestEngines runs the real tools in the modes, with NAT at either end. A block of
// a tool takes a second at least.
func TestEngines(t *testing.T) {
	requireTools(t)
	modes := []proto.Mode{{Name: "host", Kind: "host"}}
	for _, at := range []string{"client", "server"} {
		modes = append(modes, proto.Mode{Name: "docker0_" + at, At: at, Kind: "veth", Uplink: "bridge", Masquerade: true})
	}
	tests := []proto.Test{short("tcp", "tcp_rr"), short("udp", "udp_rr")}
	for i := range tests {
		tests[i].Request, tests[i].Response = 32, 32
	}
	client, server := pair(t, modes, tests, 1)
	withEngines(&client.segment, "netperf", "sockperf")
	withEngines(&server.segment, "netperf", "sockperf")
	before := [2][]string{client.Snapshot(t), server.Snapshot(t)}
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	client.RequireUnchanged(t, before[0])
	server.RequireUnchanged(t, before[1])
	require.Empty(t, toolsLeft(t))

	for i, result := range client.results() {
		block, served := client.segment.Blocks[i], server.results()[i]
		t.Run(fmt.Sprintf("%s/%s/%s", block.Test, block.Mode, block.Engine), func(t *testing.T) {
			require.Equal(t, proto.StatusOK, result.Status, result.Reason)
			require.Equal(t, proto.StatusOK, served.Status, served.Reason)
			if block.Engine == "" {
				require.Nil(t, result.Figures)
				require.NotEmpty(t, result.Histogram)
				return
			}
			checkFigures(t, block, result, strings.Join(served.Setup, "\n"))
		})
	}
}

func checkFigures(t *testing.T, block proto.Block, result *proto.BlockResult, serverSetup string) {
	t.Helper()
	require.Empty(t, result.Histogram)
	require.Greater(t, result.Transactions, int64(100))
	require.InDelta(t, time.Second, time.Duration(result.Nanoseconds), float64(700*time.Millisecond)) // sockperf leaves out 450 ms.
	require.NotZero(t, result.Started)
	require.Less(t, float64(result.Min), result.Mean)
	require.Less(t, result.Mean, float64(result.Max))
	figures := result.Figures
	require.True(t, strings.HasPrefix(figures.Command, block.Engine+" "), figures.Command)
	require.Regexp(t, `^[23]\.\d`, figures.Version)
	require.Greater(t, figures.Percentiles["p50"], 1e3, "in ns")
	require.LessOrEqual(t, figures.Percentiles["p50"], figures.Percentiles["p99"])
	if strings.Contains(block.Mode, "client") || block.Mode == "host" {
		return
	}
	ports := 1
	if block.Engine == "netperf" {
		ports = 2
	}
	require.Equal(t, ports, strings.Count(serverSetup, "DNAT"), serverSetup)
}

// toolsLeft are the children of this process that are still there.
func toolsLeft(t *testing.T) (left []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	for _, path := range paths {
		children, _ := os.ReadFile(path) // A thread may end meanwhile.
		for _, pid := range strings.Fields(string(children)) {
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			left = append(left, pid+" "+strings.TrimSpace(string(name)))
		}
	}
	return left
}

// TestEngineThatCannot do what is asked is unsupported by name, and only it.
func TestEngineThatCannot(t *testing.T) {
	client, server := pair(t, everyMode()[:1], []proto.Test{short("tcp", "tcp_rr")}, 2)
	withEngines(&client.segment, "sockperf")
	withEngines(&server.segment, "sockperf")
	for _, e := range []*end{client, server} { // sockperf needs 14 bytes at least.
		e.segment.Tests[0].Request = 13
	}
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	for i, result := range client.results() {
		if client.segment.Blocks[i].Engine == "" {
			require.Equal(t, proto.StatusOK, result.Status, result.Reason)
			continue
		}
		require.Equal(t, proto.StatusUnsupported, result.Status)
		require.Contains(t, result.Reason, "client: sockperf's messages have 14 to 65507 bytes")
		require.Equal(t, result.Reason, server.results()[i].Reason)
	}
}

// TestEngineEndsWithTheSession leaves no tool behind when the session is cut in
// the middle of a block.
func TestEngineEndsWithTheSession(t *testing.T) {
	requireTools(t)
	for _, engine := range []string{"netperf", "sockperf"} {
		test := short("tcp", "tcp_rr")
		test.Request, test.Response, test.Duration = 14, 14, time.Minute
		client, server := pair(t, everyMode()[1:2], []proto.Test{test}, 1)
		client.segment.Blocks[0].Engine, server.segment.Blocks[0].Engine = engine, engine
		before := [2][]string{client.Snapshot(t), server.Snapshot(t)}
		cutDuring(t, client, server, engine)
		client.RequireUnchanged(t, before[0])
		server.RequireUnchanged(t, before[1])
		require.Empty(t, toolsLeft(t))
	}
}

// cutDuring ends the session when both tools run.
func cutDuring(t *testing.T, client, server *end, engine string) {
	t.Helper()
	ended := errors.New("the session ended")
	ctx, cancel := context.WithCancelCause(t.Context())
	both := make(chan struct{})
	go func() {
		defer close(both)
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if len(toolsLeft(t)) == 2 {
				break
			}
		}
		cancel(ended)
	}()
	start := time.Now()
	run(ctx, client, server)
	<-both
	require.ErrorIs(t, client.err, ended, engine)
	require.ErrorIs(t, server.err, ended, engine)
	require.Less(t, time.Since(start), 40*time.Second, "%s was not waited for", engine)
}
