package rr_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchmath"

	"github.com/testbed-lab/testbed/guestagent/engine"
	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/rr"
)

// How much is compared. TESTBED_PAIRS and TESTBED_PAIR shorten a trial.
const (
	pairsOfAComparison = 20
	lengthOfARun       = 2 * time.Second
)

// seen is what one run found: transactions a second, and their median in ns.
type seen struct{ rate, p50 float64 }

// rival is a tool that measures the same workload, of messages of so many bytes.
type rival struct {
	engine, protocol string
	bytes            int
}

// rivals are compared on the same wire, with the same sizes, CPUs and TCP_NODELAY.
// netperf's latencies are whole µs, and from 10 µs on in steps of 10 (src/netlib.c,
// HIST_add): its median is shown and proves nothing. sockperf's are exact; its
// messages have at least 14 bytes.
var rivals = []rival{
	{engine.Netperf, rr.TCP, 1}, {engine.Netperf, rr.UDP, 1},
	{engine.Sockperf, rr.TCP, 14}, {engine.Sockperf, rr.UDP, 14},
}

// BenchmarkFidelity interleaves our loop with netperf's and sockperf's between two
// namespaces, and gives the median of the paired ratios with its interval.
func BenchmarkFidelity(b *testing.B) {
	if !strings.Contains(os.Getenv("GODEBUG"), "asyncpreemptoff=1") {
		b.Fatal("an agent runs without the runtime's preemption: set GODEBUG=asyncpreemptoff=1, as make bench does")
	}
	client, server := machinetest.Pair(b)
	pairs, length := extent(b)
	fmt.Printf("\n%d pairs of %v; 95%% intervals of the median ratio; CPUs: %d\n", pairs, length, runtime.NumCPU())
	fmt.Printf("%-22s %12s %-18s %9s %-18s\n", "ours over", "rate", "", "p50", "")
	for _, r := range rivals {
		b.Run(r.protocol+"/"+r.engine, func(b *testing.B) {
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
	rates, medians := make([]float64, pairs), make([]float64, pairs)
	for i := range pairs {
		var mine, its seen
		if i%2 == 0 { // Each is first as often as second.
			mine = r.ours(b, client, server, length)
			its = r.theirs(b, client, server, length)
		} else {
			its = r.theirs(b, client, server, length)
			mine = r.ours(b, client, server, length)
		}
		rates[i], medians[i] = mine.rate/its.rate, mine.p50/its.p50
	}
	rate, p50 := interval(b, rates), interval(b, medians)
	fmt.Printf("%-22s %12.3f %-18s %9.3f %-18s\n", r.protocol+" "+r.engine, rate[0], span(rate), p50[0], span(p50))
	b.ReportMetric(rate[0], r.protocol+"-rate/"+r.engine)
	b.ReportMetric(p50[0], r.protocol+"-p50/"+r.engine)
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

// serverCPU is the second, if there is one; the client has the first.
func serverCPU() int { return min(1, runtime.NumCPU()-1) }

// ours runs the loop as the agents do.
func (r rival) ours(b *testing.B, client, server *machinetest.Machine, length time.Duration) seen {
	c := rr.Config{Protocol: r.protocol, Request: r.bytes, Response: r.bytes, NoDelay: true, Duration: length, Warmup: 20 * time.Millisecond}
	at := c
	at.Enter, at.CPU = server.Space.Enter, serverCPU()
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

// theirs runs the tool as the agents do.
func (r rival) theirs(b *testing.B, client, server *machinetest.Machine, length time.Duration) seen {
	c := engine.Config{Engine: r.engine, Test: proto.Test{
		Protocol: r.protocol, Request: r.bytes, Response: r.bytes, NoDelay: true, Duration: length,
	}}
	at := c
	at.Enter, at.Test.CPU = server.Space.Enter, serverCPU()
	listening, err := engine.Listen(b.Context(), at, server.Host.Address.Addr(), 0, 0)
	require.NoError(b, err)
	c.Enter = client.Space.Enter
	target := engine.Target{Address: netip.AddrPortFrom(server.Host.Address.Addr(), listening.Port), Control: listening.Control}
	result, err := engine.Run(b.Context(), c, client.Host.Address.Addr(), target)
	require.NoError(b, err)
	require.NoError(b, listening.Stop())
	return seen{
		rate: float64(result.Transactions) / result.Elapsed.Seconds(),
		p50:  result.Figures.Percentiles["p50"],
	}
}
