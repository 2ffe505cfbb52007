package rr_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchmath"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/rr"
	"github.com/testbed-lab/testbed/guestagent/thread"
)

// How much is compared. TESTBED_PAIRS and TESTBED_PAIR shorten a trial.
const (
	pairsOfAComparison = 20
	lengthOfARun       = 2 * time.Second
)

// seen is what one run found: transactions a second, and their median in ns.
type seen struct{ rate, p50 float64 }

// rival is a tool that measures the same.
type rival struct {
	name, workload string
	config         rr.Config
	server         []string
	client         func(seconds string) []string
	parse          func(output string) (seen, error)
}

const (
	rivalPort = "12865"
	address   = "10.77.0.2"
)

// rivals are compared on the same wire, with the same sizes, CPUs and TCP_NODELAY.
// netperf's latencies are whole µs, and from 10 µs on in steps of 10 (src/netlib.c,
// HIST_add): its median is shown and proves nothing. sockperf's are exact; its
// messages have at least 14 bytes.
var rivals = []rival{
	netperf("tcp_rr", "TCP_RR", rr.TCP, "-D"),
	netperf("udp_rr", "UDP_RR", rr.UDP),
	sockperf("tcp_rr", rr.TCP, "--tcp"),
	sockperf("udp_rr", rr.UDP),
}

func netperf(workload, test, protocol string, options ...string) rival {
	return rival{
		name: "netperf", workload: workload,
		config: rr.Config{Protocol: protocol, Request: 1, Response: 1, NoDelay: true},
		server: []string{"netserver", "-D", "-4", "-L", address, "-p", rivalPort},
		client: func(seconds string) []string {
			return append([]string{"netperf", "-4", "-H", address, "-p", rivalPort, "-t", test, "-l", seconds, "-P", "0",
				"--", "-r", "1,1", "-o", "TRANSACTION_RATE,P50_LATENCY"}, options...)
		},
		parse: func(output string) (s seen, err error) {
			fields := strings.Split(strings.TrimSpace(output), ",")
			if len(fields) != 2 {
				return s, errors.New("not two numbers")
			}
			rate, err1 := strconv.ParseFloat(fields[0], 64)
			p50, err2 := strconv.ParseFloat(fields[1], 64)
			return seen{rate, p50 * 1e3}, errors.Join(err1, err2)
		},
	}
}

var (
	sockperfTotal  = regexp.MustCompile(`\[Valid Duration\] RunTime=([0-9.]+) sec; SentMessages=\d+; ReceivedMessages=(\d+)`)
	sockperfMedian = regexp.MustCompile(`percentile 50\.000 =\s+([0-9.]+)`)
)

func sockperf(workload, protocol string, options ...string) rival {
	return rival{
		name: "sockperf", workload: workload,
		config: rr.Config{Protocol: protocol, Request: 14, Response: 14, NoDelay: true},
		server: append([]string{"sockperf", "server", "-i", address, "-p", rivalPort}, options...),
		client: func(seconds string) []string {
			return append([]string{"sockperf", "ping-pong", "-i", address, "-p", rivalPort, "-t", seconds, "--full-rtt", "--msg-size", "14"}, options...)
		},
		parse: func(output string) (seen, error) {
			total, median := sockperfTotal.FindStringSubmatch(output), sockperfMedian.FindStringSubmatch(output)
			if total == nil || median == nil {
				return seen{}, errors.New("no total or no median")
			}
			run, err1 := strconv.ParseFloat(total[1], 64)
			count, err2 := strconv.ParseFloat(total[2], 64)
			p50, err3 := strconv.ParseFloat(median[1], 64)
			return seen{count / run, p50 * 1e3}, errors.Join(err1, err2, err3)
		},
	}
}

// BenchmarkFidelity interleaves our loop with netperf's and sockperf's between two
// namespaces, and gives the median of the paired ratios with its interval.
func BenchmarkFidelity(b *testing.B) {
	client, server := machinetest.Pair(b)
	pairs, length := extent(b)
	fmt.Printf("\n%d pairs of %v; 95%% intervals of the median ratio; CPUs: %d\n", pairs, length, runtime.NumCPU())
	fmt.Printf("%-22s %12s %-18s %9s %-18s\n", "ours over", "rate", "", "p50", "")
	for _, r := range rivals {
		b.Run(r.workload+"/"+r.name, func(b *testing.B) {
			for range b.N {
				compare(b, r, client, server, pairs, length)
			}
		})
	}
}

func extent(b *testing.B) (pairs int, length time.Duration) {
	pairs, err := strconv.Atoi(cmp.Or(os.Getenv("TESTBED_PAIRS"), strconv.Itoa(pairsOfAComparison)))
	require.NoError(b, err)
	length, err = time.ParseDuration(cmp.Or(os.Getenv("TESTBED_PAIR"), lengthOfARun.String()))
	require.NoError(b, err)
	return pairs, length
}

func compare(b *testing.B, r rival, client, server *machinetest.Machine, pairs int, length time.Duration) {
	for _, tool := range []string{r.server[0], r.client("1")[0]} {
		if _, err := exec.LookPath(tool); err != nil {
			b.Fatalf("%s is not here; scripts/setup --test installs it, and a guest of ours has it", tool)
		}
	}
	daemon := command(b, server, 1, r.server)
	require.NoError(b, daemon.start())
	defer daemon.stop()
	daemon.settled(b, server)
	rates, medians := make([]float64, pairs), make([]float64, pairs)
	for i := range pairs {
		var mine, theirs seen
		if i%2 == 0 { // Each is first as often as second.
			mine = ours(b, r.config, client, server, length)
			theirs = its(b, r, client, length)
		} else {
			theirs = its(b, r, client, length)
			mine = ours(b, r.config, client, server, length)
		}
		rates[i], medians[i] = mine.rate/theirs.rate, mine.p50/theirs.p50
	}
	rate, p50 := interval(b, rates), interval(b, medians)
	fmt.Printf("%-22s %12.3f %-18s %9.3f %-18s\n", r.workload+" "+r.name, rate[0], span(rate), p50[0], span(p50))
	b.ReportMetric(rate[0], r.workload+"-rate/"+r.name)
	b.ReportMetric(p50[0], r.workload+"-p50/"+r.name)
	b.ReportMetric(0, "ns/op") // How long it took is no result.
}

// interval is the median with its exact order-statistic interval.
func interval(b *testing.B, ratios []float64) [3]float64 {
	summary := benchmath.AssumeNothing.Summary(benchmath.NewSample(ratios, &benchmath.DefaultThresholds), 0.95)
	for _, warning := range summary.Warnings {
		b.Log(warning)
	}
	return [3]float64{summary.Center, summary.Lo, summary.Hi}
}

func span(i [3]float64) string { return fmt.Sprintf("[%.3f, %.3f]", i[1], i[2]) }

// ours runs the loop as the agents do: the client on one CPU, the server on the
// next if there is one.
func ours(b *testing.B, c rr.Config, client, server *machinetest.Machine, length time.Duration) seen {
	c.Duration, c.Warmup = length, 20*time.Millisecond
	at := c
	at.Enter, at.CPU = server.Space.Enter, min(1, runtime.NumCPU()-1)
	listening, err := rr.Listen(b.Context(), at, netip.AddrPortFrom(server.Host.Address.Addr(), 0))
	require.NoError(b, err)
	c.Enter = client.Space.Enter
	recording := rr.NewRecording()
	result, err := rr.Run(b.Context(), c, client.Host.Address.Addr(), listening.Address, recording)
	require.NoError(b, err)
	_, err = listening.Stop()
	require.NoError(b, err)
	return seen{
		rate: float64(recording.Main.Count()) / result.Elapsed.Seconds(),
		p50:  float64(decoded(b, recording.Main).ValueAtQuantile(50)),
	}
}

func its(b *testing.B, r rival, client *machinetest.Machine, length time.Duration) seen {
	run := command(b, client, 0, r.client(strconv.Itoa(int(math.Ceil(length.Seconds())))))
	require.NoError(b, run.start())
	require.NoError(b, run.cmd.Wait(), run.output.String())
	found, err := r.parse(run.output.String())
	require.NoError(b, err, run.output.String())
	return found
}

// program runs in a machine, on one CPU.
type program struct {
	cmd    *exec.Cmd
	output *strings.Builder
	start  func() error
}

func command(b *testing.B, m *machinetest.Machine, cpu int, args []string) *program {
	p := &program{cmd: exec.CommandContext(b.Context(), args[0], args[1:]...), output: new(strings.Builder)}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	// A child has the namespace and the CPUs of the thread that starts it.
	p.start = func() error {
		return <-thread.Run(func() error {
			var one unix.CPUSet
			one.Set(min(cpu, runtime.NumCPU()-1))
			return errors.Join(m.Space.Enter(), unix.SchedSetaffinity(0, &one), p.cmd.Start())
		})
	}
	return p
}

func (p *program) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// settled waits until the rival's server has a socket at its port.
func (p *program) settled(b *testing.B, m *machinetest.Machine) {
	port, err := strconv.Atoi(rivalPort)
	require.NoError(b, err)
	local := fmt.Sprintf(":%04X ", port)
	require.Eventually(b, func() bool {
		found := false
		err := m.Space.Do(func() error {
			for _, table := range []string{"tcp", "udp"} {
				sockets, err := os.ReadFile("/proc/thread-self/net/" + table)
				if err != nil {
					return err
				}
				found = found || strings.Contains(string(sockets), local)
			}
			return nil
		})
		return err == nil && found
	}, 10*time.Second, 20*time.Millisecond, "%s listens", p.cmd.Path)
}
