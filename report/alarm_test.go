package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report/stats/simulate"
	"github.com/testbed-lab/testbed/testbed"
)

// alarmed says whether any mode is called slower or faster by its p50.
func alarmed(r testbed.TestResult) bool {
	for _, m := range r.Modes {
		if v := m.Claims["p50"].Verdict; v == testbed.Slower || v == testbed.Faster {
			return true
		}
	}
	return false
}

// Labs whose three modes are all the same as host: a false alarm is any of them
// called different. 64 of 1,000 is the limit that a rate of 5% keeps with a
// probability of 97.5%.
func TestFalseAlarms(t *testing.T) {
	const labs, limit = 1000, 64
	rows := []string{fmt.Sprintf("| world | labs of %d with an alarm | allowed | without Holm and the noise floor, one mode |\n| --- | --: | --: | --: |", labs)}
	for _, w := range simulate.Worlds() {
		if w.Noisier > 0 {
			continue // A mode that is host is not noisier than host.
		}
		w.Modes = 3
		random, alarms, alone := seeded("alarms "+w.Name), 0, 0
		for range labs {
			trial := trialOf(w.Draw(random, 1, 10), testbed.Test{}, 0, summary)
			r, _ := trial.result()
			if alarmed(r) {
				alarms++
			}
			if r.Modes[1].RatioToHost["p50"].Lo != nil && trial.contrast(trial.pair(trial.series[1], trial.host, p50)).P(0) < level {
				alone++
			}
		}
		assert.LessOrEqual(t, alarms, limit, w.Name)
		t.Logf("figure: false alarms in labs without a difference (%s): %d of %d, %d allowed", w.Name, alarms, labs, limit)
		rows = append(rows, fmt.Sprintf("| %s | %d | %d | %d |", w.Name, alarms, limit, alone))
	}
	publish(t, "alarms", strings.Join(rows, "\n")+"\n")
}

// The same through histograms and the whole analysis.
func TestFalseAlarmsFromBlocks(t *testing.T) {
	const labs, limit = 100, 10 // P(more than 10 of 100 at 5%) = 1.1%.
	alarms := 0
	w := truth{modes: []string{"host", "macvlan", "ipvlan_l2"}, rounds: 6, transactions: 250, base: base, blockNoise: 0.01, tests: []string{"tcp_rr"}}
	for seed := range uint64(labs) {
		in := Input{Lab: w.lab(), Blocks: w.make(t, seed+100)}
		r, err := Analyze(in)
		require.NoError(t, err)
		if alarmed(r.Tests[0]) {
			alarms++
		}
	}
	assert.LessOrEqual(t, alarms, limit)
	t.Logf("%d of %d labs, %d allowed", alarms, labs, limit)
}

func TestClaims(t *testing.T) {
	r := typical().result(t)
	docker := modeOf(t, r, "tcp_rr", "docker0").Claims["p50"]
	assert.Equal(t, testbed.Slower, docker.Verdict)
	assert.Less(t, *docker.P, 0.05)
	assert.Greater(t, *docker.MinimumEffect, 1.0)
	assert.Less(t, *docker.MinimumEffect, 1.1)
	assert.Equal(t, testbed.Slower, modeOf(t, r, "tcp_rr", "docker0").Claims["rate"].Verdict, "a smaller rate is slower")
	macvlan := modeOf(t, r, "tcp_rr", "macvlan").Claims["p50"]
	assert.Equal(t, testbed.WithinNoise, macvlan.Verdict)
	assert.Regexp(t, `^its interval [\d.]+ to [\d.]+ overlaps host against itself, [\d.]+ to [\d.]+$`, macvlan.Reason)
	p999 := modeOf(t, r, "tcp_rr", "docker0").Claims["p999"]
	assert.Equal(t, testbed.NoVerdict, p999.Verdict)
	assert.Contains(t, p999.Reason, "100 needed")
	assert.Nil(t, p999.P)
	assert.Empty(t, modeOf(t, r, "tcp_rr", "host").Claims)
}

// Holm refuses what a single test would claim, and says so.
func TestDecide(t *testing.T) {
	e := func(lo, middle, hi float64) testbed.Estimate {
		return testbed.Estimate{Estimate: &middle, Lo: &lo, Hi: &hi}
	}
	floor := e(0.99, 1, 1.01)
	for _, c := range []struct {
		metric  string
		ratio   testbed.Estimate
		floor   testbed.Estimate
		p       float64
		verdict string
		reason  string
	}{
		{"p50", e(1.1, 1.2, 1.3), floor, 0.01, testbed.Slower, ""},
		{"p50", e(0.7, 0.8, 0.9), floor, 0.01, testbed.Faster, ""},
		{"rate", e(0.7, 0.8, 0.9), floor, 0.01, testbed.Slower, ""},
		{"p50", e(1.02, 1.03, 1.04), floor, 0.2, testbed.WithinNoise, "its interval 1.020 to 1.040 is clear of 1, but among 6 modes one would be by chance (Holm's p 0.2)"},
		{"p50", e(0.9, 1, 1.1), e(0.8, 0.81, 0.82), 0.9, testbed.WithinNoise, "its interval 0.900 to 1.100 holds 1"},
		{"p50", e(1.1, 1.2, 1.3), testbed.Estimate{Reason: "too few"}, 0.01, testbed.NoVerdict, "the noise floor is not known: too few"},
	} {
		verdict, reason := decide(c.metric, c.ratio, c.floor, c.p, 6)
		assert.Equal(t, c.verdict, verdict)
		assert.Equal(t, c.reason, reason)
	}
}

func TestBoots(t *testing.T) {
	w := typical()
	w.tests, w.rounds = []string{"tcp_rr"}, 12
	in := w.input(t)
	boots := func(perBoot int) testbed.TestResult {
		for i := range in.Blocks {
			in.Blocks[i].Boot = in.Blocks[i].Round / perBoot
		}
		r, err := Analyze(in)
		require.NoError(t, err)
		return r.Tests[0]
	}
	three := boots(4)
	assert.Equal(t, 3, three.Boots)
	assert.Equal(t, methodBoots, three.Modes[1].RatioToHost["p50"].Method)
	assert.NotNil(t, three.Modes[1].RatioToHost["p50"].Lo)
	two := boots(6)
	assert.Equal(t, "no interval: it rests on 2 boots, 3 needed", two.Modes[1].RatioToHost["p50"].Reason)
	assert.Equal(t, testbed.NoVerdict, two.Modes[1].Claims["p50"].Verdict)
}

func TestDrift(t *testing.T) {
	w := typical()
	w.tests = []string{"tcp_rr"}
	in := w.input(t)
	for i := range in.Blocks {
		second := 100.0
		if in.Blocks[i].Mode == "docker0" {
			second = 110 + float64(i%3)
		}
		in.Blocks[i].Halves = []testbed.Half{{P50: 100}, {P50: second}}
		in.Blocks[i].Engine = map[bool]string{true: "netperf"}[in.Blocks[i].Mode == "routed"]
	}
	r, err := Analyze(in)
	require.NoError(t, err)
	assert.InDelta(t, 1.11, *modeOf(t, r, "tcp_rr", "docker0").Drift.Estimate, 0.02)
	assert.InDelta(t, 1, *modeOf(t, r, "tcp_rr", "host").Drift.Estimate, 1e-9)
	all := fmt.Sprint(r.Warnings)
	assert.Contains(t, all, "docker0: the second half of a block has 1.1")
	assert.NotContains(t, all, "host: the second half")
	assert.Equal(t, testbed.StatusFailed, modeOf(t, r, "tcp_rr", "routed").Status, "another engine's blocks are not ours")
	assert.InDelta(t, 1, *modeOf(t, r, "tcp_rr", "docker0").Concurrency, 0.01)
}

func TestStopping(t *testing.T) {
	w := typical()
	w.modes, w.tests = []string{"host", "docker0"}, []string{"tcp_rr"}
	lab := w.lab()
	test := lab.Cells[0].Tests[0]
	test.Precision, test.MaxRounds = 0.2, 40
	blocks := w.blocks(t, 7)
	width, mode := Precision(lab.Cells[0], test, blocks)
	assert.Equal(t, "docker0", mode)
	assert.Less(t, width, 0.2)
	lab.Cells[0].Tests[0] = test
	r, err := Analyze(Input{Lab: lab, Blocks: blocks})
	require.NoError(t, err)
	assert.Equal(t, testbed.Stopping{Precision: 0.2, MaxRounds: 40, Reached: true, Width: width, Mode: "docker0"}, *r.Tests[0].Stopping)
	e := r.Tests[0].Modes[1].RatioToHost["p50"]
	assert.LessOrEqual(t, *e.Hi / *e.Lo - 1, width+1e-12, "the width has held for a quarter of the rounds")
	width, mode = Precision(lab.Cells[0], test, nil)
	assert.True(t, width > 1e300 && mode == "host", "nothing measured yet")
}
