package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

func modeOf(t testing.TB, r testbed.Result, test, mode string) testbed.ModeResult {
	for _, one := range r.Tests {
		for _, m := range one.Modes {
			if one.Name == test && m.Name == mode {
				return m
			}
		}
	}
	t.Fatalf("no mode %s in test %s", mode, test)
	return testbed.ModeResult{}
}

func TestAnalyzeRecoversTheTruth(t *testing.T) {
	w := typical()
	r := w.result(t)
	for _, test := range r.Tests {
		assert.Equal(t, 10, test.Rounds)
		assert.Equal(t, 10, test.NoiseFloor.N)
		assert.InDelta(t, 1, *test.NoiseFloor.Estimate, 0.02)
		for _, m := range test.Modes {
			if m.Name == hostMode {
				assert.Equal(t, 20, m.Blocks)
				continue
			}
			ratio := m.RatioToHost["p50"]
			assert.Equal(t, "geometric mean of rounds", ratio.Method)
			assert.InDelta(t, w.factors[m.Name], *ratio.Estimate, 0.02, m.Name)
			assert.LessOrEqual(t, *ratio.Lo, *ratio.Estimate)
			assert.GreaterOrEqual(t, *ratio.Hi, *ratio.Estimate)
			assert.InDelta(t, 1 / *ratio.Estimate, *m.RatioToHost["rate"].Estimate, 0.02, m.Name)
		}
	}
	assert.Equal(t, slower, judgeRatio(modeOf(t, r, "tcp_rr", "docker0").RatioToHost["p50"], r.Tests[0].NoiseFloor))
	assert.Equal(t, withinNoise, judgeRatio(modeOf(t, r, "tcp_rr", "macvlan").RatioToHost["p50"], r.Tests[0].NoiseFloor))
}

// constant is a block of one repeated value, whose every figure is exact.
func constant(t testing.TB, mode string, round, index int, value int64) testbed.Block {
	b := testbed.Block{Test: "tcp_rr", Cell: map[string]string{}, Mode: mode, Round: round, Index: index}
	record(t, &b, slices.Repeat([]int64{value}, 200))
	return b
}

// The estimator by hand: ratios to the geometric mean of host's two blocks.
func TestRatioIsPaired(t *testing.T) {
	w := truth{modes: []string{"host", "macvlan"}, rounds: 6, tests: []string{"tcp_rr"}}
	in := Input{Lab: w.lab()}
	for round := range 6 {
		drift := int64(1 + round) // Cancels within the round.
		in.Blocks = append(in.Blocks,
			constant(t, "host", round, 3*round, 100*drift),
			constant(t, "macvlan", round, 3*round+1, []int64{180, 190, 200, 200, 210, 220}[round]*drift),
			constant(t, "host", round, 3*round+2, 400*drift))
	}
	r, err := Analyze(in)
	require.NoError(t, err)
	macvlan := modeOf(t, r, "tcp_rr", "macvlan")
	ratio := macvlan.RatioToHost["p50"]
	ratios := []float64{0.9, 0.95, 1, 1, 1.05, 1.1}
	product, logs := 1.0, []float64{}
	for _, ratio := range ratios {
		product, logs = product*ratio, append(logs, math.Log(ratio))
	}
	lo, hi := stats.RoundMean(logs).Interval()
	assert.InDelta(t, math.Pow(product, 1.0/6), *ratio.Estimate, 1e-9, "the geometric mean")
	assert.InDelta(t, math.Exp(lo), *ratio.Lo, 1e-9)
	assert.InDelta(t, math.Exp(hi), *ratio.Hi, 1e-9)
	// Host's two blocks are 250 on average, times the drift.
	added := macvlan.AddedToHost["p50"]
	assert.InDelta(t, ((180-250)*1+(190-250)*2+(200-250)*3+(200-250)*4+(210-250)*5+(220-250)*6)/6.0, *added.Estimate, 1e-9)
	assert.Less(t, *added.Lo, *added.Estimate)
	assert.Greater(t, *added.Hi, *added.Estimate)
	assert.InDelta(t, 0.25, *r.Tests[0].NoiseFloor.Estimate, 1e-9, "first against second, in the order they ran")
	assert.InDelta(t, 200*math.Pow(720, 1.0/6), *modeOf(t, r, "tcp_rr", "host").P50.Estimate, 1e-6, "200 × the geometric mean of the drift")
}

func TestPercentileNeedsSamplesBeyondIt(t *testing.T) {
	cases := []struct {
		transactions int
		p90, p99     string
	}{
		{10000, "geometric mean of rounds", "geometric mean of rounds"},
		{1000, "geometric mean of rounds", "pooled"},
		{999, "pooled", ""},
		{100, "pooled", ""},
		{30, "", ""},
	}
	for _, c := range cases {
		w := typical()
		w.modes, w.tests, w.transactions = []string{"host", "docker0"}, []string{"tcp_rr"}, c.transactions
		m := modeOf(t, w.result(t), "tcp_rr", "docker0")
		assert.Equal(t, c.p90, m.P90.Method, "%d", c.transactions)
		assert.Equal(t, c.p99, m.P99.Method, "%d", c.transactions)
		if c.p99 == "" {
			assert.Nil(t, m.P99.Estimate)
			assert.Contains(t, m.P99.Reason, "100 needed")
			assert.Contains(t, m.RatioToHost["p99"].Reason, "100 needed")
		} else {
			assert.NotNil(t, m.P99.Lo)
			assert.Equal(t, c.p99, m.RatioToHost["p99"].Method)
			assert.InDelta(t, 1.2, *m.RatioToHost["p99"].Estimate, 0.25)
		}
	}
	w := typical()
	w.modes, w.tests, w.transactions = []string{"host", "docker0"}, []string{"tcp_rr"}, 999
	assert.Equal(t, "99 transactions beyond it, 100 needed: 11 rounds of this length would have them", modeOf(t, w.result(t), "tcp_rr", "docker0").P99.Reason)
}

func TestFewRoundsGiveNoInterval(t *testing.T) {
	w := typical()
	w.rounds = 5
	r := w.result(t)
	m := modeOf(t, r, "tcp_rr", "docker0")
	for _, e := range []testbed.Estimate{m.P50, m.RatioToHost["p50"], m.P90, r.Tests[0].NoiseFloor} {
		assert.NotNil(t, e.Estimate)
		assert.Nil(t, e.Lo)
		assert.Nil(t, e.Hi)
		assert.Equal(t, "no interval: it rests on 5 rounds, 6 needed", e.Reason)
	}
	assert.Contains(t, strings.Join(r.Warnings, "\n"), "no interval is given on fewer than 6 rounds")
	assert.Contains(t, answer(r), "no verdict")
}

func TestStatuses(t *testing.T) {
	w := typical()
	w.tests = []string{"tcp_rr"}
	in := w.input(t)
	for i := range in.Blocks {
		b := &in.Blocks[i]
		switch b.Mode {
		case "routed":
			b.Status, b.Reason, b.Histogram = testbed.StatusUnsupported, "no CONFIG_VETH", ""
		case "macvlan":
			b.Status, b.Reason, b.Histogram = testbed.StatusFailed, "create macvlan: device busy", ""
		case "ipvlan_l2":
			b.Void = "steal of 12% of the block"
		case "ipvlan_l3":
			if b.Round == 2 {
				b.Void = "involuntary switches"
			}
		case "ipvlan_l3s":
			b.Mode = "docker0" // A second one in the round, and none of its own.
		}
	}
	r, err := Analyze(in)
	require.NoError(t, err)
	for mode, want := range map[string][2]string{
		"host": {"ok", ""}, "routed": {"unsupported", "no CONFIG_VETH"},
		"macvlan":   {"failed", "create macvlan: device busy"},
		"ipvlan_l2": {"failed", "every block was voided; the first: steal of 12% of the block"},
		"ipvlan_l3": {"ok", ""}, "ipvlan_l3s": {"failed", "no block arrived"},
	} {
		m := modeOf(t, r, "tcp_rr", mode)
		assert.Equal(t, want, [2]string{m.Status, m.Reason}, mode)
		if m.Status != testbed.StatusOK {
			assert.Equal(t, "the mode is "+m.Status, m.P50.Reason)
		}
	}
	l3 := modeOf(t, r, "tcp_rr", "ipvlan_l3")
	assert.Equal(t, 9, l3.Blocks)
	assert.Equal(t, 9, l3.RatioToHost["p50"].N)
	assert.Contains(t, r.Tests[0].Voided, testbed.VoidedBlock{Mode: "ipvlan_l3", Round: 2, Reason: "involuntary switches"})
	all := strings.Join(r.Warnings, "\n")
	assert.Contains(t, all, "docker0, round 1: left out: there are already 1 of 1 in the round")
	assert.Contains(t, all, "ipvlan_l3: 1 block voided; the first: involuntary switches")
}

func TestHostMissing(t *testing.T) {
	w := typical()
	w.tests = []string{"tcp_rr"}
	in := w.input(t)
	kept := 0
	in.Blocks = slices.DeleteFunc(in.Blocks, func(b testbed.Block) bool {
		gone := b.Mode == hostMode && (b.Round == 0 || b.Round == 1 && kept == 1)
		if b.Mode == hostMode && b.Round == 1 && !gone {
			kept++
		}
		return gone
	})
	r, err := Analyze(in)
	require.NoError(t, err)
	assert.Equal(t, 9, modeOf(t, r, "tcp_rr", "docker0").RatioToHost["p50"].N, "one host block serves where the other is gone")
	assert.Equal(t, 8, r.Tests[0].NoiseFloor.N)
	assert.Contains(t, r.Warnings, "tcp_rr: 2 rounds of 10 without both host blocks; the noise floor rests on the others")
	in.Blocks = slices.DeleteFunc(in.Blocks, func(b testbed.Block) bool { return b.Mode == hostMode })
	r, err = Analyze(in)
	require.NoError(t, err)
	assert.Contains(t, r.Warnings, "tcp_rr: no round has both host blocks, so there is no noise floor")

	in.Blocks = slices.DeleteFunc(in.Blocks, func(b testbed.Block) bool { return b.Mode == hostMode })
	r, err = Analyze(in)
	require.NoError(t, err)
	docker := modeOf(t, r, "tcp_rr", "docker0")
	assert.NotNil(t, docker.P50.Estimate)
	assert.Equal(t, "host: the mode is failed", docker.RatioToHost["p50"].Reason)
	assert.Equal(t, "the mode is failed", r.Tests[0].NoiseFloor.Reason)
	assert.Equal(t, "In tcp_rr, no mode can be compared with host: no block arrived.", answer(r))
}

func TestContradictoryBlocksAreVoided(t *testing.T) {
	spoil := map[string]func(*testbed.Block){
		"decode histogram":    func(b *testbed.Block) { b.Histogram = b.Histogram[:len(b.Histogram)/2] },
		"empty":               func(b *testbed.Block) { b.Histogram = "" },
		"in the histogram":    func(b *testbed.Block) { b.Transactions++ },
		"transactions in 0":   func(b *testbed.Block) { b.Nanoseconds = 0 },
		"mean of NaN":         func(b *testbed.Block) { b.Mean = math.NaN() },
		"mean of 0":           func(b *testbed.Block) { b.Mean = 0 },
		"outside of minimum":  func(b *testbed.Block) { b.Mean = 1e12 },
		"do not fit together": func(b *testbed.Block) { b.Min = b.Max + 1 },
	}
	for reason, spoil := range spoil {
		w := typical()
		w.tests = []string{"tcp_rr"}
		in := w.input(t)
		i := slices.IndexFunc(in.Blocks, func(b testbed.Block) bool { return b.Mode == "docker0" && b.Round == 4 })
		spoil(&in.Blocks[i])
		r, err := Analyze(in)
		require.NoError(t, err)
		assert.Equal(t, 9, modeOf(t, r, "tcp_rr", "docker0").Blocks, reason)
		require.Len(t, r.Tests[0].Voided, 1, reason)
		assert.Contains(t, r.Tests[0].Voided[0].Reason, reason)
		assert.Contains(t, strings.Join(r.Warnings, "\n"), "docker0, round 5: voided: ")
	}
}

func TestBlocksThatFitNowhere(t *testing.T) {
	w := typical()
	w.tests = []string{"tcp_rr"}
	in := w.input(t)
	stray := func(change func(*testbed.Block)) {
		b := in.Blocks[0]
		change(&b)
		in.Blocks = append(in.Blocks, b)
	}
	stray(func(b *testbed.Block) { b.Test = "sctp_rr" })
	stray(func(b *testbed.Block) { b.Mode = "netkit" })
	stray(func(b *testbed.Block) { b.Cell = map[string]string{"kernel": "x"} })
	stray(func(b *testbed.Block) { b.Round = -1 })
	stray(func(b *testbed.Block) { b.Round = math.MaxInt })
	r, err := Analyze(in)
	require.NoError(t, err)
	all := strings.Join(r.Warnings, "\n")
	assert.Contains(t, all, `the lab has no test "sctp_rr"`)
	assert.Contains(t, all, `the test has no mode "netkit"`)
	assert.Contains(t, all, `no test "tcp_rr" in cell "kernel = x"`)
	assert.Equal(t, 2, strings.Count(all, "left out: no such round"))
	assert.Equal(t, 10, r.Tests[0].Rounds)
}

func TestNothingToAnalyze(t *testing.T) {
	_, err := Analyze(Input{})
	assert.ErrorContains(t, err, "the lab has no cell")
	_, err = Analyze(Input{Lab: testbed.Lab{Name: "x", Cells: []testbed.Cell{{}}}})
	assert.ErrorContains(t, err, `lab "x" has no test`)
	r, err := Analyze(Input{Lab: typical().lab()})
	require.NoError(t, err, "a lab of which no block arrived has a result that says so")
	assert.Equal(t, testbed.StatusFailed, r.Tests[0].Modes[0].Status)
	assert.Contains(t, r.Warnings, "tcp_rr: 0 of 10 rounds ran")
}

func TestAudit(t *testing.T) {
	w := typical()
	w.tests = []string{"udp_rr"}
	in := w.input(t)
	for i := range in.Blocks {
		b := &in.Blocks[i]
		switch b.Mode {
		case "macvlan":
			b.Nanoseconds = b.Nanoseconds * 5 / 4
		case "routed":
			b.Lost, b.Late = 2, 1
			b.Counters = map[string]int64{"client.tcp_retrans_segs": 3, "client.ctx": 9}
		}
	}
	r, err := Analyze(in)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"udp_rr: routed: 30 TCP segments sent again in 10400 transactions",
		"udp_rr: routed: 10 answers too late in 10400 transactions",
		"udp_rr: routed: 20 requests lost in 10400 transactions",
		"udp_rr: macvlan: rate × mean is 0.80, not 1: part of the block's time lies outside of its transactions",
	}, r.Warnings)
}

// The same blocks in another order, and again, give the same bytes.
func TestDeterministic(t *testing.T) {
	in := typical().input(t)
	first, err := Analyze(in)
	require.NoError(t, err)
	in.Blocks = slices.Clone(in.Blocks)
	rand.New(rand.NewPCG(5, 5)).Shuffle(len(in.Blocks), func(i, j int) { in.Blocks[i], in.Blocks[j] = in.Blocks[j], in.Blocks[i] })
	second, err := Analyze(in)
	require.NoError(t, err)
	a, err := JSON(first)
	require.NoError(t, err)
	b, err := JSON(second)
	require.NoError(t, err)
	assert.Equal(t, string(a), string(b))
}

// Whatever is done to blocks, there is a result that every drawing can take.
func TestHostileBlocksNeverPanic(t *testing.T) {
	w := typical()
	w.tests, w.rounds, w.transactions = []string{"tcp_rr"}, 6, 250
	random := rand.New(rand.NewPCG(9, 9))
	values := []int64{0, 1, -1, 1 << 40, math.MaxInt64, math.MinInt64}
	floats := []float64{0, -1, math.NaN(), math.Inf(1), 1e300, 5e-324}
	for range 25 {
		in := w.input(t)
		for i := range in.Blocks {
			if random.IntN(3) > 0 {
				continue
			}
			b := &in.Blocks[i]
			any := func() int64 { return values[random.IntN(len(values))] }
			for _, spoil := range []func(){
				func() { b.Round = int(any()) }, func() { b.Index = int(any()) }, func() { b.Min = any() }, func() { b.Max = any() },
				func() { b.Transactions = any() }, func() { b.Nanoseconds = any() }, func() { b.OutOfRange = any() }, func() { b.Lost = any() },
				func() { b.Mean = floats[random.IntN(len(floats))] }, func() { b.Status = "?" }, func() { b.Void = "\x1b[31m<b>" },
				func() { b.Histogram = b.Histogram[:random.IntN(len(b.Histogram))] }, func() { b.Mode = "host" }, func() { b.Cell = nil },
				func() { b.Started = time.Time{} },
			} {
				if random.IntN(12) == 0 {
					spoil()
				}
			}
		}
		r, err := Analyze(in)
		require.NoError(t, err)
		files, err := render(r, nil)
		require.NoError(t, err)
		require.NoError(t, validate(t, files[1].data))
		require.NoError(t, Terminal(discard{}, r, TerminalOptions{}))
		_ = HTML(discard{}, r, in.Blocks)
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
