package report

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// counts are two modes whose instructions were counted by function, with the path of
// a transaction: a calls b twice, and b calls c.
func counts() testbed.Result {
	path := []testbed.Call{{Name: "a"}, {Name: "b", Depth: 1}, {Name: "c", Depth: 2}, {Device: "eth1", Name: "netif_rx", Depth: 2}, {Name: "b", Depth: 1}}
	evidence := func() *testbed.ModeEvidence {
		return &testbed.ModeEvidence{Client: testbed.EndEvidence{Path: path}}
	}
	return testbed.Result{Backend: backendIcount, Tests: []testbed.TestResult{{
		Name: "rr", Unit: testbed.UnitInstructions, Boots: 1, Block: testbed.BlockLength{Transactions: 2000},
		Modes: []testbed.ModeResult{
			{Name: "host", Status: testbed.StatusOK, Functions: map[string]float64{"a": 100, "b": 20, "c": 3, "(user space)": 480.0525}, Evidence: evidence()},
			{Name: "docker0", Status: testbed.StatusOK, Functions: map[string]float64{"a": 100, "b": 60, "nf_hook_slow": 1316, "(user space)": 480.0525}, Evidence: evidence()},
		},
	}}}
}

func TestExplainCounts(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Explain(&out, counts(), ExplainOptions{Mode: "docker0", Other: "host"}))
	require.Equal(t, `docker0 against host in rr: instructions per transaction, both ends

                                          its own             with callees
  function                  host  docker0  change     host docker0  change
  nf_hook_slow                 0    1,316  +1,316
  b                           20       60     +40       23      60     +37
  c                            3        0      −3        3       0      −3
  a                          100      100       0      123     160     +37

  kernel                     123    1,476  +1,353
  user space (the agent)  480.05   480.05       0
  total                   603.05 1,956.05  +1,353
`, out.String())

	out.Reset()
	require.NoError(t, Explain(&out, counts(), ExplainOptions{Mode: "host"}))
	require.Contains(t, out.String(), "  a                          100           123\n")
	require.Contains(t, out.String(), "host in rr: one transaction, as it was traced")
}

// Where calls were traced beside the instructions, the difference is in both.
func TestExplainCountsAndCalls(t *testing.T) {
	r := counts()
	r.Tests[0].Modes[0].Evidence.Client.Calls = map[string]float64{"ip_rcv": 1}
	r.Tests[0].Modes[1].Evidence.Client.Calls = map[string]float64{"ip_rcv": 2, "ip_forward": 1}
	for i := range 40 {
		r.Tests[0].Modes[1].Evidence.Client.Calls["f"+string(rune('A'+i))] = 1
	}
	draw := func(o ExplainOptions) string {
		var out bytes.Buffer
		require.NoError(t, Explain(&out, r, o))
		return out.String()
	}
	drawn := draw(ExplainOptions{Mode: "docker0", Other: "host"})
	require.Contains(t, drawn, "  total                   603.05 1,956.05  +1,353\n")
	require.Regexp(t, `\n\ndocker0 against host in rr: calls per transaction, both ends, medians\n\n`+
		`docker0 does more: \+42 calls of 42 functions\n +\+1  ip_forward +0 → 1\n +\+1  ip_rcv +1 → 2\n  40 more \(--all\)\n$`, drawn)
	require.NotContains(t, draw(ExplainOptions{Mode: "docker0", Other: "host", All: true}), "more (--all)")
}

// Of many functions most are one line, and none is lost from the sum.
func TestExplainFewOfManyCounts(t *testing.T) {
	r := counts()
	for i := range 40 {
		r.Tests[0].Modes[0].Functions["f"+string(rune('A'+i))] = 1
	}
	var out bytes.Buffer
	require.NoError(t, Explain(&out, r, ExplainOptions{Mode: "docker0", Other: "host"}))
	require.Contains(t, out.String(), "19 more (--all)")
	require.Contains(t, out.String(), "  total                   643.05 1,956.05  +1,313\n")
	out.Reset()
	require.NoError(t, Explain(&out, r, ExplainOptions{Mode: "docker0", Other: "host", All: true}))
	require.NotContains(t, out.String(), "more (--all)")
}

// A recursion's instructions are counted once.
func TestInclusive(t *testing.T) {
	path := []testbed.Call{{Name: "a"}, {Name: "b", Depth: 1}, {Name: "a", Depth: 2}}
	m := testbed.ModeResult{Functions: map[string]float64{"a": 10, "b": 5}, Evidence: &testbed.ModeEvidence{Client: testbed.EndEvidence{Path: path}}}
	require.Equal(t, map[string]float64{"a": 15, "b": 10}, withCallees(m))
}

// Where every function was traced, in several transactions, the path is only shown: a
// function's instructions go where it was called, by how often.
func TestCallersOfEveryFunction(t *testing.T) {
	m := counts().Tests[0].Modes[0]
	m.Evidence.Client.Callers = []testbed.Frame{
		{Name: "sys", Calls: 2}, {Depth: 1, Name: "a", Calls: 2}, {Depth: 2, Name: "c", Calls: 1},
		{Name: "irq", Calls: 0}, {Depth: 1, Name: "c", Calls: 2}}
	require.Equal(t, map[string]float64{"sys": 101, "a": 101, "c": 3, "irq": 2}, withCallees(m))
	var text bytes.Buffer
	require.NoError(t, explainOne(&text, testbed.TestResult{Name: "rr"}, m, true))
	require.Contains(t, text.String(), "\nclient\n  a\n    b\n      c\n      · eth1 (netif_rx)\n    b\n")
}

// Counts are never called a time.
func TestCountsAreNoTime(t *testing.T) {
	r := counts()
	require.Contains(t, rig(r), "one guest that counts its instructions")
	require.Contains(t, methodTexts(r), countedText)
	require.Equal(t, "1 seed of 2,000 transactions", roundsText(r.Tests[0]))
	for _, f := range append(mainFields(r.Tests[0]), detailFields(r.Tests[0])...) {
		require.NotContains(t, f.Unit, "µs")
		require.NotEqual(t, "rate", f.Name)
	}
	require.Equal(t, "testbed run lab.hcl --backend icount", reproduceCommand(testbed.Result{Backend: backendIcount, LabFile: "lab.hcl"}))
	length, unit := lengthOf(testbed.Test{Transactions: 2000})
	require.Equal(t, testbed.UnitInstructions, unit)
	require.Equal(t, 2000, length.Transactions)
}

// What changed most between cells is named with its functions, and what hardly
// changed is not.
func TestChangesBetweenCells(t *testing.T) {
	cell := func(kernel string, host, docker0 map[string]float64) testbed.TestResult {
		mode := func(name string, functions map[string]float64) testbed.ModeResult {
			sum := 0.0
			for _, n := range functions {
				sum += n
			}
			ratio := 1.4
			return testbed.ModeResult{Name: name, Status: testbed.StatusOK, Functions: functions, Mean: testbed.Estimate{Estimate: &sum},
				RatioToHost: map[string]testbed.Estimate{"p50": {Estimate: &ratio}}}
		}
		return testbed.TestResult{Name: "rr", Unit: testbed.UnitInstructions, Cell: map[string]string{"kernel": kernel},
			Modes: []testbed.ModeResult{mode("host", host), mode("docker0", docker0)}}
	}
	r := testbed.Result{Tests: []testbed.TestResult{
		cell("old", map[string]float64{"a": 30000, "b": 5}, map[string]float64{"a": 40000, "c": 900, "d": 100}),
		cell("new", map[string]float64{"a": 30000, "b": 6}, map[string]float64{"a": 40000, "c": 100, "e": 51}),
	}}
	for i, change := range []float64{1.00003, 0.97929} {
		r.Tests[1].Modes[i].ToPrevious = &testbed.CellChange{Cell: r.Tests[0].Cell, P50: testbed.Estimate{Estimate: &change}, Mean: testbed.Estimate{Estimate: &change}}
	}
	tables := matrixTables(r)
	require.Equal(t, []string{"docker0, old → new: −849 instructions a transaction (mean); of that c −800, d −100, e +51",
		"?: 1 seed, and a seed's layout moves a figure as much (some 0.4%, or as much as host differs from itself); three or more would tell (seeds = 3)"}, tables[0].Notes)
	require.Equal(t, "In rr, docker0's p50 is 1.400 at kernel = old and 1.400 at kernel = new × host's instructions. Each seed repeats to the last digit; 1 seed gives no interval (seeds = 3 would).", answer(r))
}

func TestStacks(t *testing.T) {
	r := counts()
	files := stackFiles(r)
	require.Len(t, files, 2)
	require.Equal(t, "stacks.rr.host.folded", files[0].name)
	require.Equal(t, "(user space) 480053\na 100000\na;b 20000\na;b;c 3000\n", string(files[0].data))

	flame := flames(r.Tests[0])
	require.Len(t, flame, 1)
	require.Equal(t, "docker0", flame[0].Mode)
	require.InDelta(t, 1956.05, flame[0].Root.Value, 0.01, "nothing is lost")
	require.InDelta(t, 603.05, flame[0].Root.Base, 0.01)
	drawn := flame[0].SVG()
	require.Contains(t, drawn, "nf_hook_slow: 1316 instructions, +1316 against host")
	require.NotContains(t, drawn, "<script")
	require.Empty(t, stackFiles(testbed.Result{Tests: []testbed.TestResult{{Modes: []testbed.ModeResult{{Name: "host"}}}}}), "what is timed has none")
}

// A file of a flame graph needs no page: its style and its title are in it. It is of any
// two modes, or of one in two cells.
func TestExplainSVG(t *testing.T) {
	r := counts()
	draw := func(o ExplainOptions) (string, error) {
		var out bytes.Buffer
		err := ExplainSVG(&out, r, o)
		return out.String(), err
	}
	drawn, err := draw(ExplainOptions{Mode: "host", Other: "docker0"})
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal([]byte(drawn), new(struct{})), "it is XML")
	require.Regexp(t, `^<svg xmlns="http://www.w3.org/2000/svg" class="flame alone" [^>]*><style>`, drawn)
	require.Contains(t, drawn, ">host against docker0 in rr: instructions per transaction, both ends</text>")
	require.Contains(t, drawn, "b: 23 instructions, −37 against docker0")
	require.NotContains(t, drawn, "var(--", "that would be the page's")

	_, err = draw(ExplainOptions{Mode: "host"})
	require.ErrorContains(t, err, "a flame graph is of one mode against another")
	first, second := r.Tests[0], counts().Tests[0]
	first.Cell, second.Cell = map[string]string{"kernel": "old"}, map[string]string{"kernel": "new"}
	r.Tests = []testbed.TestResult{first, second}
	drawn, err = draw(ExplainOptions{Mode: "host", Cell: "kernel=new", Against: "kernel=old"})
	require.NoError(t, err)
	require.Contains(t, drawn, ">host in rr, kernel = new against kernel = old: instructions")
	r.Tests[0].Modes[1].Functions = nil
	_, err = draw(ExplainOptions{Mode: "docker0", Other: "host"})
	require.EqualError(t, err, "rr has no instructions by function of docker0: run with --backend icount")
}

// Where something is missing, what is there says so and why.
func TestExplainSaysWhatIsMissing(t *testing.T) {
	r := counts()
	for i := range r.Tests[0].Modes {
		r.Tests[0].Modes[i].Evidence = nil
	}
	var out bytes.Buffer
	require.NoError(t, Explain(&out, r, ExplainOptions{Mode: "docker0", Other: "host"}))
	require.Contains(t, out.String(), "\nwith callees: not known of docker0 and host: the test has evidence = false\n")

	const why = "unsupported: this QEMU does not load the plugin that counts (no ELF)"
	for i := range r.Tests[0].Modes {
		r.Tests[0].Modes[i].Functions, r.Tests[0].Modes[i].Uncounted = nil, why
	}
	require.ErrorContains(t, Explain(&out, r, ExplainOptions{Mode: "docker0", Other: "host"}), why)
	out.Reset()
	r.Tests[0].Modes[0].Evidence, r.Tests[0].Modes[1].Evidence = counts().Tests[0].Modes[0].Evidence, counts().Tests[0].Modes[1].Evidence
	for _, m := range r.Tests[0].Modes {
		m.Evidence.Client.Calls = map[string]float64{"a": 1}
	}
	require.NoError(t, Explain(&out, r, ExplainOptions{Mode: "docker0", Other: "host"}))
	require.Contains(t, out.String(), "\nno instructions by function: "+why+"\n")
}

func TestExplainCells(t *testing.T) {
	r := counts()
	first, second := r.Tests[0], counts().Tests[0]
	first.Cell, second.Cell = map[string]string{"kernel": "old"}, map[string]string{"kernel": "new"}
	second.Modes[0].Functions["b"] = 25
	r.Tests = []testbed.TestResult{first, second}
	var out bytes.Buffer
	require.NoError(t, Explain(&out, r, ExplainOptions{Mode: "host", Cell: "kernel=new", Against: "kernel=old"}))
	require.Contains(t, out.String(), "host in rr, kernel = new against kernel = old: instructions per transaction, both ends\n")
	require.Contains(t, out.String(), "  b                           20      25      +5       23      28      +5\n")
	require.EqualError(t, Explain(&out, r, ExplainOptions{Mode: "host", Cell: "kernel=odd"}), `the result has no cell "kernel=odd"; it has kernel = old; kernel = new`)
	r.Tests[1].Modes[0].Functions = nil
	require.ErrorContains(t, Explain(&out, r, ExplainOptions{Mode: "host", Cell: "kernel=new", Against: "kernel=old"}), "run with --backend icount")
}

// A guest whose clock is its instructions has no second: no rate, and no pause in one.
func TestCountsHaveNoRateAndNoSeconds(t *testing.T) {
	r := threeKernels(3).result(t)
	for _, m := range r.Tests[0].Modes {
		require.Nil(t, m.Rate.Estimate)
		require.Equal(t, noCountedRate, m.Rate.Reason)
		require.Nil(t, m.RatioToHost["rate"].Estimate)
	}
	require.Contains(t, detailsTable(r.Tests[0]).Caption, " · warm-up of 20,000,000 instructions")
	require.NotContains(t, detailsTable(r.Tests[0]).Caption, " ms")
	r.Tests[0].Settings.BusyPoll = 50e3
	require.Contains(t, caption(r.Tests[0]), "busy poll 50,000 instructions")

	side := CompareSide{Path: "dir", Result: r, Blocks: threeKernels(3).blocks(t), Cell: map[string]string{"kernel": "trixie"}}
	_, err := Compare(side, []CompareSide{side}, CompareOptions{Metric: "rate"})
	require.EqualError(t, err, `test "rr" of dir is counted, and instructions make no rate; judge it by p50, p90, p99, p999 or mean`)
}

// The mean stands beside the median, and the tail is what the transactions of a seed have.
func TestCountedTableHasMeanAndTail(t *testing.T) {
	var one, six bytes.Buffer
	require.NoError(t, Terminal(&one, threeKernels(1).result(t), TerminalOptions{}))
	require.Contains(t, one.String(), "mode        p50    mean     p90    added  × host")
	require.Contains(t, one.String(), "docker0  43,004  43,043  43,007  +12,996   1.433")
	require.NotContains(t, one.String(), "p99")

	r := threeKernels(6).result(t)
	require.NoError(t, Terminal(&six, r, TerminalOptions{Width: 120}))
	require.Contains(t, six.String(), "p50    mean     p90     p99", "six seeds have 240 beyond it")
	require.Contains(t, six.String(), "p99 is pooled over seeds")
	require.Contains(t, six.String(), "These seeds would show a ratio")

	details := detailsTable(threeKernels(1).result(t).Tests[0])
	require.Contains(t, details.Notes, note{Text: "no p99 for any mode; for host: 40 transactions beyond it, 100 needed: 3 seeds of this length would have them"})
	require.Equal(t, "p90", tailColumn(threeKernels(1).result(t).Tests[0]))
	for _, c := range details.Columns {
		require.NotContains(t, []string{"mean", "concurrency"}, c.Name)
	}
	w := typical()
	w.transactions = 50
	require.Contains(t, percentilesOf(w.result(t).Tests[0]), "p99", "of times the missing one is said in the table")
}

// One seed: exact, no statistics, and no word of rounds, boots or drift between them.
func TestOneSeedIsSaidToBeExact(t *testing.T) {
	w := threeKernels(1)
	w.kernels = w.kernels[1:2]
	r := w.judged(t, 1.02, 1.6)
	require.Equal(t, testbed.Inconclusive, r.Expectations[0].Verdict)
	require.Equal(t, "p50 of docker0 1.451 × host; it holds, exactly, for the one seed that was counted; a verdict needs 3 (seeds = 3), for another seed has another hash layout and other ports, which moves a figure by some 0.4%",
		groundsText(r.Expectations[0]))
	require.Contains(t, r.Expectations[1].Reason, "it does not hold, exactly, for the one seed")
	require.Equal(t, "docker0 takes 1.451 × host's instructions at p50 (+14,211), exactly, with the one seed that was counted.", costSentence(r.Tests[0], r.Tests[0].Modes[1]))
	require.Contains(t, answer(r), "1 seed gives no interval (seeds = 3 would).")

	text := strings.Join(methodTexts(r), "\n")
	for _, wrong := range []string{"round", "one boot", "Student", "over seeds", "slower"} {
		require.NotContains(t, text, wrong)
	}
	require.Contains(t, text, "One seed was counted. Its figures are exact, and no interval is given")
	require.Contains(t, text, "p50, p90 and mean: geometric mean of seeds")
}

func TestSeveralSeedsAreTheUnit(t *testing.T) {
	w := threeKernels(2)
	w.kernels = w.kernels[1:2]
	require.Contains(t, w.judged(t, 1.02).Expectations[0].Reason, "it holds, on the mean of the 2 seeds that were counted; a verdict needs 3")
	require.Contains(t, costSentence(w.result(t).Tests[0], w.result(t).Tests[0].Modes[1]), "on the mean of 2 seeds, which give no interval.")

	w.seeds = 6
	r := w.judged(t, 1.02, 1.6)
	require.Equal(t, testbed.Confirmed, r.Expectations[0].Verdict)
	require.Equal(t, testbed.Refuted, r.Expectations[1].Verdict)
	require.Contains(t, costSentence(r.Tests[0], r.Tests[0].Modes[1]), "docker0 takes more instructions than host at p50, by 45.")
	text := strings.Join(methodTexts(r), "\n")
	for _, wrong := range []string{"round", "one boot", "slower", "One seed was"} {
		require.NotContains(t, text, wrong)
	}
	require.Contains(t, text, "an interval is Student's over seeds, and needs 3 of them")
}
