package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/e2e/harness"
)

// long is the patience for what a benchmark runs, which no user waits for.
const long = 25 * time.Minute

// BenchmarkFidelityInAGuest runs package rr's comparison with netperf and
// sockperf inside a guest, between two namespaces of it: the loop has to keep up
// where it is used, with that kernel, clock source and emulated processor.
func BenchmarkFidelityInAGuest(b *testing.B) {
	u := newUser(b)
	binary := filepath.Join(b.TempDir(), "rr.test")
	build := harness.Command(b, "go", "test", "-c", "-o", binary, "../../guestagent/rr")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(b, err, "%s", out)
	u.do("up", u.lab("guest.hcl", "fidelity"))
	u.push(binary, "guest", "/tmp/rr.test")

	clock := u.do("exec", "guest", "--", "cat", "/sys/devices/system/clocksource/clocksource0/current_clocksource")
	b.ResetTimer()
	ran := u.within(long, "exec", "guest", "--", "env", "GODEBUG=asyncpreemptoff=1", "/tmp/rr.test",
		"-test.run", "^$", "-test.bench", "Fidelity", "-test.benchtime", "1x", "-test.timeout", "20m")
	figures, err := ran.Output()
	b.StopTimer()
	require.NoError(b, err, "%s", figures)
	fmt.Printf("inside a guest, clock source %s%s", clock.stdout, figures)
	for _, figure := range metric.FindAllStringSubmatch(string(figures), -1) {
		value, err := strconv.ParseFloat(figure[1], 64)
		require.NoError(b, err)
		b.ReportMetric(value, figure[2])
	}
	u.do("down", "fidelity")
}

// metric is a figure of a benchmark's line, such as "1.01 tcp_rr-rate/netperf".
var metric = regexp.MustCompile(`\s([0-9.]+) (\S+/(?:netperf|sockperf))`)

// push copies a program to a machine.
func (u *user) push(file, machine, path string) {
	u.t.Helper()
	program, err := os.ReadFile(file)
	require.NoError(u.t, err)
	cmd := u.command("exec", machine, "--", "sh", "-c", "cat > "+path+" && chmod +x "+path)
	cmd.Stdin = bytes.NewReader(program)
	out, err := cmd.CombinedOutput()
	require.NoError(u.t, err, "%s", out)
}

// BenchmarkCountedAllModes counts all modes twice, once beside a process a core that
// does nothing but compute. The second run has to find the same: what is reported is how
// much longer it took.
func BenchmarkCountedAllModes(b *testing.B) {
	u := newUser(b)
	lab := filepath.Join(u.dir, "all-modes.hcl")
	text, err := os.ReadFile("../../examples/all-modes.hcl")
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(lab, text, 0o644))
	count := func(name string) (result map[string]any, seconds float64) {
		out := filepath.Join(u.dir, name)
		start := time.Now()
		// One of its claims may well be inconclusive with one seed.
		err := u.within(long, "run", "--backend", "icount", "--var", `releases=["trixie"]`, "--var", "podman=false", "--out", out, lab).Run()
		var exit *exec.ExitError
		require.True(b, err == nil || errors.As(err, &exit) && exit.ExitCode() == 4, "%v", err)
		seconds = time.Since(start).Seconds()
		text, err := os.ReadFile(filepath.Join(out, "result.json"))
		require.NoError(b, err)
		require.NoError(b, json.Unmarshal(text, &result))
		// What is left is all that is said of the lab.
		delete(result, "environment")
		delete(result, "timings")
		delete(result, "started")
		return result, seconds
	}
	calm, calmly := count("calm")
	compute(b)
	busy, busily := count("busy")
	require.Equal(b, calm, busy, "the same to the last digit")
	b.ReportMetric(busily/calmly, "busy/calm")
}
