package report

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

func pointer[T any](v T) *T { return &v }

// decorated is the typical result with all that a report can say of a test: its
// settings, how it stopped, voided blocks, refusals, another engine's figures.
func decorated(t testing.TB) (testbed.Result, []testbed.Block) {
	w := typical()
	w.modes, w.tests = []string{"host", "docker0", "routed", "macvlan", "netkit_l2"}, []string{"tcp_crr"}
	w.unsupported = map[string]string{"netkit_l2": "needs Linux 6.7 or newer"}
	r, blocks := w.result(t), w.blocks(t, 7)
	r.Backend, r.Accelerator = backendLocal, ""
	r.Void = testbed.VoidRules{Steal: 0.05, Involuntary: 0.1, Retransmits: 2, ClockStep: 10 * time.Millisecond}
	test := &r.Tests[0]
	test.Settings = testbed.Settings{Connections: 4, BusyPoll: 50e3, CPU: pointer(2), Priority: 50, Warmup: 20e6, Samples: "histogram"}
	test.Load = &testbed.Load{Rate: 2000, Schedule: "poisson"}
	test.Boots, test.Rounds = 3, 30
	test.Stopping = &testbed.Stopping{Precision: 0.01, MaxRounds: 30, Width: 0.018, Mode: "docker0"}
	for round := range 7 {
		test.Voided = append(test.Voided, testbed.VoidedBlock{Mode: "docker0", Round: 3 * round, Reason: "server: connection refused"})
	}
	test.Voided = append(test.Voided, testbed.VoidedBlock{Mode: hostMode, Round: 2, Reason: "client: 3 TCP segments were sent again, and retransmits allows 2"},
		testbed.VoidedBlock{Mode: hostMode, Round: 4, Reason: "client: 3 TCP segments were sent again, and retransmits allows 2"})
	for i := range test.Modes {
		m := &test.Modes[i]
		if m.Status == testbed.StatusOK {
			m.Beside = []testbed.EngineResult{beside(*m, "netperf", "2.7.0"), beside(*m, "sockperf", "sockperf 3.10")}
			m.Drift, m.Concurrency = known1(1.004, 0.998, 1.011), pointer(3.982)
			m.P999 = known1(1.2e6, 1.1e6, 1.4e6)
			m.P999.Method = methodPooled
		}
	}
	test.Modes[2].Claims["p50"] = testbed.Claim{
		Verdict: testbed.WithinNoise, P: pointer(0.062), MinimumEffect: pointer(1.034),
		Reason: "its interval 1.103 to 1.125 is clear of 1, but among 3 modes one would be by chance (Holm's p 0.062)",
	}
	return r, blocks
}

// beside is another engine that sees whole microseconds, 2% more than we.
func beside(m testbed.ModeResult, engine, version string) testbed.EngineResult {
	whole := func(v float64) float64 { return float64(int(v/1000*1.02)) * 1000 }
	return testbed.EngineResult{
		Engine: engine, Version: version, Blocks: 10,
		Figures:     map[string]testbed.Estimate{"p50": known1(whole(*m.P50.Estimate), 1, 2), "rate": known1(*m.Rate.Estimate*0.99, 1, 2)},
		RatioToOurs: map[string]testbed.Estimate{"p50": known1(0.981, 0.975, 0.988), "rate": known1(1.01, 1.004, 1.017)},
	}
}

func TestGoldenDecorated(t *testing.T) {
	r, blocks := decorated(t)
	for name, width := range map[string]int{"decorated-60.txt": 60, "decorated-80.txt": 80, "decorated-120.txt": 120} {
		golden(t, name, []byte(drawn(t, r, TerminalOptions{Width: width})))
	}
	var b bytes.Buffer
	require.NoError(t, Markdown(&b, r))
	golden(t, "decorated.md", b.Bytes())
	golden(t, "decorated.html", []byte(pageOf(t, r, blocks)))
}

func TestCaption(t *testing.T) {
	one := testbed.TestResult{Protocol: "tcp_rr", Request: 1, Response: 1, Boots: 1, Rounds: 10, Block: testbed.BlockLength{Nanoseconds: 250e6},
		Settings: testbed.Settings{Connections: 1, NoDelay: true}}
	assert.Equal(t, "TCP request/response · 1 B request, 1 B response · 10 rounds of 250 ms", caption(one), "the default goes without saying")
	one.Settings.NoDelay = false
	assert.Contains(t, caption(one), "Nagle on")
	one.Protocol = "udp_rr"
	assert.NotContains(t, caption(one), "Nagle", "UDP has none")
	one.Settings.CPU = pointer(0)
	assert.Contains(t, caption(one), "CPU 0")
	one.Load = &testbed.Load{Rate: 0.5, Schedule: "periodic"}
	assert.Contains(t, caption(one), "periodic load of 0.5/s, timed from the intended send")
}

func TestStoppingNote(t *testing.T) {
	for want, s := range map[string]testbed.Stopping{
		"stopped after 24 rounds: widest interval 0.9% (a), 1% asked for":           {Precision: 0.01, MaxRounds: 40, Width: 0.009, Mode: "a", Reached: true},
		"24 rounds, the maximum: widest interval 1.8% (a), 1% asked for":            {Precision: 0.01, MaxRounds: 24, Width: 0.018, Mode: "a"},
		"ended after 24 rounds of 40 at most: a mode has no interval, 1% asked for": {Precision: 0.01, MaxRounds: 40},
		"stopped after 24 rounds: no mode to compare, 1% asked for":                 {Precision: 0.01, MaxRounds: 40, Reached: true},
	} {
		assert.Equal(t, []string{want}, stoppingNote(testbed.TestResult{Rounds: 24, Stopping: &s}))
	}
	assert.Empty(t, stoppingNote(testbed.TestResult{Rounds: 24}))
}

func TestVerdictIsTheClaims(t *testing.T) {
	r := said(known1(1, 0.99, 1.01), map[string]testbed.Estimate{"a": known1(1.2, 1.1, 1.3), "b": {Reason: "no round has it"}}, "a", "b")
	assert.Equal(t, slower, verdictOf(r, r.Modes[1]), "without claims the intervals speak")
	for claimed, want := range map[string]verdict{
		testbed.Slower: slower, testbed.Faster: faster, testbed.WithinNoise: withinNoise, testbed.NoVerdict: noInterval,
	} {
		r.Modes[1].Claims = map[string]testbed.Claim{"p50": {Verdict: claimed}}
		assert.Equal(t, want, verdictOf(r, r.Modes[1]))
	}
	r.Modes[2].Claims = map[string]testbed.Claim{"p50": {Verdict: testbed.NoVerdict}}
	assert.Equal(t, noVerdict, verdictOf(r, r.Modes[2]), "no ratio, no word beside it")
	r.Modes[1].Claims = map[string]testbed.Claim{"p50": {Verdict: testbed.WithinNoise, Reason: "by chance"}}
	assert.Contains(t, answer(testbed.Result{Tests: []testbed.TestResult{r}}), "a cannot be told from host", "the answer keeps to the claim too")
	assert.Equal(t, []string{"a: within noise: by chance"}, refusalNotes(r))
}

func TestEffectNote(t *testing.T) {
	r := said(known1(1, 0.99, 1.01), nil, "a", "b", "c")
	assert.Empty(t, effectNote(r))
	for i, v := range []float64{1.034, 1.012, 1.02} {
		r.Modes[i+1].Claims = map[string]testbed.Claim{"p50": {MinimumEffect: &v}}
	}
	assert.Equal(t, []string{"These rounds would show a ratio from 1.012 (b) to 1.034 (a) in four of five runs"}, effectNote(r))
	r.Modes = r.Modes[:2]
	assert.Equal(t, []string{"These rounds would show a ratio of 1.034 in four of five runs"}, effectNote(r))
}

func TestAddedIsThePairedDifference(t *testing.T) {
	r := said(known1(1, 0.99, 1.01), map[string]testbed.Estimate{"a": known1(1.2, 1.1, 1.3)}, "a")
	assert.Equal(t, "+40.0", addedCell(r, r.Modes[1]), "what the ratio makes of it, for want of better")
	assert.Empty(t, addedInterval(r, r.Modes[1]))
	r.Modes[1].AddedToHost = map[string]testbed.Difference{"p50": testbed.Difference(known1(41e3, -1e3, 43e3))}
	assert.Equal(t, "+41.0", addedCell(r, r.Modes[1]))
	assert.Equal(t, "[−1.0, +43.0]", addedInterval(r, r.Modes[1]))
	assert.Empty(t, addedCell(r, r.Modes[0]))
}

func TestRulesText(t *testing.T) {
	assert.Empty(t, rulesText(testbed.VoidRules{}), "a result that does not say")
	assert.Equal(t, "A block is voided where, on either end, TCP segments sent again > 0, and where it failed or contradicts itself.",
		rulesText(testbed.VoidRules{Steal: -1, Involuntary: -1, ClockStep: -1}))
	assert.Contains(t, rulesText(testbed.VoidRules{Steal: -1, Involuntary: -1, Retransmits: -1, ClockStep: -1}), "voids no block for interference")
}

func TestVoidedNote(t *testing.T) {
	r := testbed.TestResult{Modes: []testbed.ModeResult{{Name: hostMode, Blocks: 20}, {Name: "a", Blocks: 9}}}
	assert.Empty(t, voidedNote(r))
	r.Voided = []testbed.VoidedBlock{{Mode: "a", Round: 3, Reason: "x"}}
	assert.Equal(t, []string{"1 of 30 blocks voided: 1 of a"}, voidedNote(r))
}

// A reader must not take namespaces for VMs, nor be told of boots that were none.
func TestRigNamesItsMachines(t *testing.T) {
	r, _ := decorated(t)
	for backend, want := range map[string]string{
		backendLocal: "namespaces of this machine's own kernel, no VMs", backendSSH: "machines that exist, over SSH",
	} {
		r.Backend, r.Tests[0].Boots = backend, 1
		texts := bytes.Buffer{}
		require.NoError(t, Markdown(&texts, r))
		for _, text := range []string{rig(r), rigFacts(r)[0].Value, texts.String()} {
			assert.Contains(t, text, want)
		}
		assert.Equal(t, "kernel", rigFacts(r)[1].Name)
		assert.NotContains(t, texts.String(), "another boot may differ")
	}
	r.Backend, r.Accelerator = "libvirt", "tcg"
	assert.Equal(t, "guest kernel", rigFacts(r)[1].Name)
	texts := bytes.Buffer{}
	require.NoError(t, Markdown(&texts, r))
	assert.Contains(t, texts.String(), "another boot may differ by more than the interval says")
	assert.NotContains(t, texts.String(), "no VMs")
}

func TestBesideLeavesOutWhatItDidNotSee(t *testing.T) {
	r, _ := decorated(t)
	r.Tests[0].Modes[1].Beside = nil
	all := besideTables(r.Tests[0])
	require.Len(t, all, 2)
	assert.Equal(t, "host", all[0].Rows[0].Mode)
	assert.Equal(t, "routed", all[0].Rows[1].Mode)
	assert.Contains(t, all[0].Caption, "netperf's percentiles are whole µs")
	assert.NotContains(t, all[1].Caption, "14 B", "sockperf sent what the test asks for")
	r.Tests[0].Request = shortestSockperf
	assert.Contains(t, besideTables(r.Tests[0])[1].Caption, "messages of 14 B")
}
