package report

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report/ci"
	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// booted is a small world measured in some boots.
func booted(boots int) truth {
	w := typical()
	w.modes, w.tests = []string{"host", "docker0", "macvlan"}, []string{"tcp_rr"}
	w.rounds, w.transactions = 12, 400
	w.boots = boots
	return w
}

// side is a world's result as it is stored, measured some hours after another.
func side(t testing.TB, w truth, path string, seed uint64, change ...func(*Input)) CompareSide {
	in := w.input(t)
	in.Blocks = w.blocks(t, seed)
	in.Started = in.Started.Add(time.Duration(seed) * time.Hour)
	for _, c := range change {
		c(&in)
	}
	r, err := Analyze(in)
	require.NoError(t, err)
	text, err := JSON(r)
	require.NoError(t, err)
	r, err = decodeResult(text)
	require.NoError(t, err)
	return CompareSide{Path: path, Result: r, Blocks: in.Blocks}
}

func locally(in *Input) { in.Backend, in.Accelerator = "local", "" }

func comparedTo(t testing.TB, base CompareSide, margin float64, others ...CompareSide) []testbed.Comparison {
	all, err := Compare(base, others, CompareOptions{Metric: "p50", Margin: margin})
	require.NoError(t, err)
	return all
}

// verdicts are those of the rows, by mode.
func verdicts(c testbed.Comparison) map[string]string {
	all := map[string]string{}
	for _, m := range c.Modes {
		all[m.Mode] = m.Verdict
	}
	return all
}

func TestCompareBoots(t *testing.T) {
	base, worse := booted(6), booted(6)
	worse.factors = map[string]float64{"docker0": 1.2 * 1.1, "macvlan": 1.006 * 0.9}
	c := comparedTo(t, side(t, base, "old", 1), 0.03, side(t, worse, "new", 2))[0]
	require.Equal(t, map[string]string{"host": testbed.Undecided, "docker0": testbed.Regression, "macvlan": testbed.Improvement}, quiet(verdicts(c)))
	require.Equal(t, testbed.Regression, c.Verdict)
	docker0 := c.Modes[1]
	require.Equal(t, testbed.JudgedItself, docker0.JudgedBy)
	require.Equal(t, testbed.Slower, docker0.Direction)
	require.InDelta(t, 1.1, *docker0.Itself.Estimate, 0.03)
	require.Less(t, *docker0.Itself.Lo, 1.1)
	require.Less(t, *docker0.P, 0.05)
	require.Greater(t, *docker0.MinimumEffect, 1.03)
}

// quiet lets host be equal or undecided: three boots say little of 3%.
func quiet(all map[string]string) map[string]string {
	if all["host"] == testbed.Equal {
		all["host"] = testbed.Undecided
	}
	return all
}

// What a boot decides is no property of a kernel, so one boot each is no verdict.
func TestCompareOneBootEach(t *testing.T) {
	worse := booted(1)
	worse.factors = map[string]float64{"docker0": 2}
	c := comparedTo(t, side(t, booted(1), "old", 1), 0.02, side(t, worse, "new", 2))[0]
	require.Equal(t, testbed.Undecided, c.Verdict)
	for _, m := range c.Modes {
		require.Equal(t, testbed.Undecided, m.Verdict, m.Mode)
		require.Contains(t, m.Reason, "measured in 1 boot, 3 needed")
		require.Nil(t, m.Itself.Lo)
		require.NotNil(t, m.Itself.Estimate)
	}
}

// Without machines that boot the machine may be slower today: host's blocks in the
// same rounds tell that from a slower mode.
func TestCompareByRatioToHost(t *testing.T) {
	slow := booted(1)
	slow.base *= 1.5
	slow.factors = map[string]float64{"docker0": 1.2 * 1.1, "macvlan": 1.006}
	c := comparedTo(t, side(t, booted(1), "old", 1, locally), 0.05, side(t, slow, "new", 2, locally))[0]
	require.Equal(t, map[string]string{"host": "", "docker0": testbed.Regression, "macvlan": testbed.Equal}, verdicts(c))
	require.Equal(t, testbed.JudgedToHost, c.Modes[1].JudgedBy)
	require.InDelta(t, 1.1, *c.Modes[1].ToHost.Estimate, 0.02)
	require.InDelta(t, 1.65, *c.Modes[1].Itself.Estimate, 0.1)
	require.Nil(t, c.Modes[1].Itself.Lo)
}

func TestCompareRates(t *testing.T) {
	worse := booted(3)
	worse.base *= 1.3
	all, err := Compare(side(t, booted(3), "old", 1), []CompareSide{side(t, worse, "new", 2)}, CompareOptions{Metric: "rate", Margin: 0.05})
	require.NoError(t, err)
	for _, m := range all[0].Modes {
		require.Equal(t, testbed.Regression, m.Verdict, "%s: fewer in a second are worse", m.Mode)
		require.Less(t, *m.Itself.Estimate, 0.85)
		require.Equal(t, "1/s", m.Unit)
	}
}

func TestIncomparable(t *testing.T) {
	base := side(t, booted(3), "old", 1)
	for name, c := range map[string]struct {
		change func(*CompareSide)
		reason string
	}{
		"accelerator": {func(s *CompareSide) { s.Result.Accelerator = "kvm" }, "accelerator: tcg and kvm"},
		"backend":     {func(s *CompareSide) { s.Result.Backend = "ssh" }, "backend: libvirt and ssh"},
		"QEMU":        {func(s *CompareSide) { s.Result.Environment.Host["qemu"] = "11.0.1" }, "QEMU: 10 and 11"},
		"CPU":         {func(s *CompareSide) { s.Result.Environment.Host["cpu_model"] = "Xeon" }, "CPU model of the host: AMD EPYC and Xeon"},
		"size":        {func(s *CompareSide) { s.Result.Tests[0].Request = 1000 }, "size of test tcp_rr: 1/1 B and 1000/1 B"},
		"a machine's": {func(s *CompareSide) { s.Result.Environment.Machines[1].Facts["cpu_model"] = "Xeon" }, "CPU model of server: — and Xeon"},
	} {
		t.Run(name, func(t *testing.T) {
			other := side(t, booted(3), "new", 2)
			c.change(&other)
			_, err := Compare(base, []CompareSide{other}, CompareOptions{Metric: "p50", Margin: 0.02})
			require.ErrorContains(t, err, c.reason)
			all, err := Compare(base, []CompareSide{other}, CompareOptions{Metric: "p50", Margin: 0.02, Force: true})
			require.NoError(t, err)
			require.Equal(t, []string{c.reason}, all[0].Forced)
			for format, out := range formats(t, all) {
				_, said := map[string]string{"json": c.reason}[format]
				require.True(t, said && bytes.Contains(out, []byte(c.reason)) || bytes.Contains(out, []byte("not comparable")), "%s says it", format)
			}
		})
	}
	minor := side(t, booted(3), "new", 2)
	minor.Result.Environment.Host["qemu"] = "10.2.0"
	require.Empty(t, comparedTo(t, base, 0.02, minor)[0].Forced, "a minor version is a difference, and no reason")

	other := side(t, booted(3), "new", 2)
	other.Result.Tests[0].Unit = testbed.UnitInstructions
	_, err := Compare(base, []CompareSide{other}, CompareOptions{Metric: "p50", Force: true})
	require.ErrorContains(t, err, "is measured in ns in old, and in instructions in new")
}

func TestCompareMistakes(t *testing.T) {
	base := side(t, booted(3), "old", 1)
	_, err := Compare(base, []CompareSide{base}, CompareOptions{Metric: "p51"})
	require.ErrorContains(t, err, `no metric "p51"`)
	_, err = Compare(base, []CompareSide{base}, CompareOptions{Metric: "p50", Margin: math.NaN()})
	require.ErrorContains(t, err, "not between 0 and 1")
	other := booted(3)
	other.tests = []string{"udp_rr"}
	_, err = Compare(base, []CompareSide{side(t, other, "new", 2)}, CompareOptions{Metric: "p50"})
	require.ErrorContains(t, err, "no test in common: only the base has test tcp_rr; only the new result has test udp_rr")
	wrong := base
	wrong.Cell = map[string]string{"kernel": "6.1"}
	_, err = Compare(wrong, []CompareSide{base}, CompareOptions{Metric: "p50"})
	require.ErrorContains(t, err, "has no test in cell kernel = 6.1; it has: no matrix")
}

// A mode that one side lacks, or in which nothing was measured, is said.
func TestCompareWhatIsNotThere(t *testing.T) {
	lacking := booted(3)
	lacking.modes = []string{"host", "docker0", "routed"}
	lacking.unsupported = map[string]string{"docker0": "no CONFIG_VETH"}
	c := comparedTo(t, side(t, booted(3), "old", 1), 0.5, side(t, lacking, "new", 2))[0]
	require.Equal(t, []string{"tcp_rr: only the new result has mode routed"}, c.Unmatched)
	require.Equal(t, "new: the mode is unsupported: no CONFIG_VETH; the base did it", c.Modes[1].Reason, "it worked, and is gone")
	require.Equal(t, testbed.Broken, c.Modes[1].Verdict)
	require.Equal(t, "the new result does not have the mode", c.Modes[2].Reason)
	require.Equal(t, testbed.Undecided, c.Modes[2].Verdict, "nobody tried")
	require.Equal(t, testbed.Broken, c.Verdict)

	c = comparedTo(t, side(t, lacking, "old", 1), 0.5, side(t, lacking, "new", 2))[0]
	require.Equal(t, []string{"tcp_rr: docker0: unsupported on both sides"}, c.Unmatched)
	require.Equal(t, testbed.Equal, c.Verdict)
	gained := lacking
	gained.unsupported = nil
	c = comparedTo(t, side(t, lacking, "old", 1), 0.5, side(t, gained, "new", 2))[0]
	require.Equal(t, []string{"tcp_rr: docker0: unsupported in the base, and measured in the new result"}, c.Unmatched)
}

// Where nothing is judged nothing is equal.
func TestCompareNothing(t *testing.T) {
	w := booted(1)
	w.unsupported = map[string]string{"docker0": "no CONFIG_VETH", "macvlan": "no CONFIG_MACVLAN"}
	c := comparedTo(t, side(t, w, "old", 1, locally), 0.5, side(t, w, "new", 2, locally))[0]
	require.Equal(t, testbed.Undecided, c.Verdict)
	require.Equal(t, map[string]string{"host": ""}, verdicts(c))

	base, other := booted(3), booted(3)
	base.tests = []string{"tcp_rr", "udp_rr"}
	c = comparedTo(t, side(t, base, "old", 1), 0.5, side(t, other, "new", 2))[0]
	require.Equal(t, testbed.Undecided, c.Verdict, "a test that was lost is no detail")
	require.Equal(t, "the new result does not have the test", c.Modes[len(c.Modes)-1].Reason)

	failed := side(t, booted(3), "new", 2)
	failed.Result.Tests[0].Modes[1].Status, failed.Result.Tests[0].Modes[1].Reason = testbed.StatusFailed, "packets crossed docker0"
	c = comparedTo(t, side(t, booted(3), "old", 1), 0.5, failed)[0]
	require.Equal(t, "new: the mode is failed: packets crossed docker0; the base did it", c.Modes[1].Reason, "as the result has it, which looked at more than the blocks")

	hostless := side(t, booted(3), "new", 2)
	hostless.Result.Tests[0].Modes = hostless.Result.Tests[0].Modes[1:]
	_, err := Compare(side(t, booted(3), "old", 1), []CompareSide{hostless}, CompareOptions{Metric: "p50"})
	require.ErrorContains(t, err, "has no host")
}

// Two cells of one result are two sides.
func TestCompareCells(t *testing.T) {
	w := kernels(booted(3))
	base := side(t, w, "matrix", 1)
	other := base
	base.Cell, other.Cell = map[string]string{"kernel": "bookworm"}, map[string]string{"kernel": "trixie"}
	c := comparedTo(t, base, 0.5, other)[0]
	require.Len(t, c.Modes, 3)
	require.Equal(t, testbed.Equal, c.Verdict)
	require.Equal(t, 3, c.Modes[0].Itself.N, "boots that took turns are paired")
	_, err := Compare(CompareSide{Path: "matrix", Result: base.Result, Blocks: base.Blocks, Cell: map[string]string{}}, []CompareSide{other}, CompareOptions{Metric: "p50"})
	require.ErrorContains(t, err, "no test in common")
}

// counted turns a world's blocks into counts with a seed a boot.
func countedSide(t testing.TB, path string, seed int64, medians map[string][]float64) CompareSide {
	in := Input{Lab: testbed.Lab{Name: "counts", Seed: seed, Cells: []testbed.Cell{{
		Modes: []testbed.Mode{{Name: "host", Kind: "host"}, {Name: "docker0", Kind: "veth"}},
		Tests: []testbed.Test{{Name: "rr", Protocol: "tcp_rr", Engine: "testbed", Transactions: 100, Modes: []string{"host", "docker0"}}},
	}}}, Backend: backendIcount, Accelerator: "tcg", Started: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	for _, mode := range []string{"host", "host", "docker0"} {
		for boot, median := range medians[mode] {
			b := testbed.Block{Test: "rr", Cell: map[string]string{}, Mode: mode, Boot: boot, Round: boot, Index: len(in.Blocks)}
			record(t, &b, slices.Repeat([]int64{int64(median)}, 300))
			b.Functions = map[string]int64{"tcp_sendmsg": 300 * 500, "nft_do_chain": 300 * (int64(median) - 30000)}
			in.Blocks = append(in.Blocks, b)
		}
	}
	r, err := Analyze(in)
	require.NoError(t, err)
	return CompareSide{Path: path, Result: r, Blocks: in.Blocks}
}

func TestCompareCounts(t *testing.T) {
	host, docker0 := []float64{31300, 31420, 31290}, []float64{45010, 45100, 44950}
	base := countedSide(t, "old", 17, map[string][]float64{"host": host, "docker0": docker0})

	c := comparedTo(t, base, 0, countedSide(t, "again", 17, map[string][]float64{"host": host, "docker0": docker0}))[0]
	require.Equal(t, map[string]string{"host": testbed.Equal, "docker0": testbed.Equal}, verdicts(c), "to the last digit, without a margin")

	longer := countedSide(t, "new", 17, map[string][]float64{"host": host, "docker0": {45300, 45395, 45230}})
	c = comparedTo(t, base, 0.002, longer)[0]
	require.Equal(t, map[string]string{"host": testbed.Equal, "docker0": testbed.Regression}, verdicts(c))
	require.Equal(t, "nft_do_chain", c.Modes[1].Functions[0].Name)
	c = comparedTo(t, base, 0.02, longer)[0]
	require.Equal(t, testbed.Equal, c.Modes[1].Verdict)
	require.Equal(t, testbed.Slower, c.Modes[1].Direction, "a change below the margin is a change")

	one := func(path string, v float64) CompareSide {
		return countedSide(t, path, 17, map[string][]float64{"host": {31300}, "docker0": {v}})
	}
	c = comparedTo(t, one("old", 45010), 0.02, one("new", 45300))[0]
	require.Equal(t, map[string]string{"host": testbed.Equal, "docker0": testbed.Undecided}, verdicts(c))
	require.Contains(t, c.Modes[1].Reason, "it rests on 1 seed, 3 needed")

	other := countedSide(t, "new", 17, map[string][]float64{"host": host, "docker0": docker0})
	other.Result.Environment.Host["qemu"] = "10.0.9"
	_, err := Compare(base, []CompareSide{other}, CompareOptions{Metric: "p50"})
	require.ErrorContains(t, err, "QEMU: none and 10.0.9", "a count depends on every version")
}

// TestFalseRegressions: of identical worlds hardly one in twenty is called changed,
// whatever the number of modes.
func TestFalseRegressions(t *testing.T) {
	labs := 60
	if testing.Short() {
		labs = 20
	}
	w := booted(3)
	w.transactions = 60
	false3, falseLocal := 0, 0
	for i := range labs {
		one, two := uint64(100+2*i), uint64(101+2*i)
		if v := comparedTo(t, side(t, w, "a", one), 0, side(t, w, "b", two))[0].Verdict; v == testbed.Regression {
			false3++
		}
		if v := comparedTo(t, side(t, w, "a", one, locally), 0, side(t, w, "b", two, locally))[0].Verdict; v == testbed.Regression {
			falseLocal++
		}
	}
	// The 99.9% limit of a rate of 2.5%, regressions being half of all false claims.
	require.LessOrEqual(t, false3, 7)
	require.LessOrEqual(t, falseLocal, 7)
}

// TestFoundAsOftenAsStated: a change as large as what comparisons say that they would
// see is found in four of five, with three rows under correction.
func TestFoundAsOftenAsStated(t *testing.T) {
	const labs, margin = 60, 0.02
	was := booted(6)
	was.transactions = 60
	docker0 := func(is truth, i int) testbed.Change {
		c := comparedTo(t, side(t, was, "a", uint64(500+2*i)), margin, side(t, is, "b", uint64(501+2*i)))[0]
		return c.Modes[slices.IndexFunc(c.Modes, func(m testbed.Change) bool { return m.Mode == "docker0" })]
	}
	squares := 0.0 // An estimated error is right in its mean square.
	for i := range labs {
		squares += math.Pow(math.Log(*docker0(was, i).MinimumEffect/(1+margin)), 2)
	}
	effect := (1 + margin) * math.Exp(math.Sqrt(squares/labs))
	is := was
	is.factors = map[string]float64{"docker0": typical().factors["docker0"] * effect}
	found := 0
	for i := range labs {
		if docker0(is, i).Verdict == testbed.Regression {
			found++
		}
	}
	t.Logf("of %d changes of %.1f%%: %d found", labs, 100*(effect-1), found)
	require.InDelta(t, 0.8*labs, found, 9.3, "three standard errors")
}

func formats(t testing.TB, all []testbed.Comparison) map[string][]byte {
	out := map[string][]byte{}
	draw := func(name string, err error, b *bytes.Buffer) {
		require.NoError(t, err)
		out[name] = b.Bytes()
	}
	var b [6]bytes.Buffer
	draw("terminal", CompareTerminal(&b[0], all, TerminalOptions{}), &b[0])
	draw("markdown", CompareMarkdown(&b[1], all), &b[1])
	draw("json", CompareJSON(&b[2], all), &b[2])
	suites := CompareSuites(all)
	for i, name := range []string{"junit", "ktap", "github"} {
		draw(name, map[string]func() error{
			"junit": func() error { return ci.JUnit(&b[3+i], suites) },
			"ktap":  func() error { return ci.KTAP(&b[3+i], suites) }, "github": func() error { return ci.GitHub(&b[3+i], suites) },
		}[name](), &b[3+i])
	}
	return out
}

func TestGoldenComparison(t *testing.T) {
	worse := booted(6)
	worse.factors = map[string]float64{"docker0": 1.2 * 1.1, "macvlan": 1.006 * 0.9}
	all := comparedTo(t, side(t, booted(6), "results/old", 1), 0.03, side(t, worse, "results/new", 2, func(in *Input) {
		in.Environment.Machines[0].Facts["kernel_release"] = "7.3.1+deb14-cloud-amd64"
		in.Environment.Machines[1].Facts["kernel_release"] = "7.3.1+deb14-cloud-amd64"
		in.Environment.Machines[0].Facts["clocksource"] = "hpet"
	}))
	for format, out := range formats(t, all) {
		golden(t, "comparison."+format, out)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(formats(t, all)["json"]))
	require.NoError(t, err)
	require.NoError(t, compiled(t, "comparison").Validate(instance))
}

// TestWhatWouldBeSeenIsSaid in every format, also where a terminal has no room for it.
func TestWhatWouldBeSeenIsSaid(t *testing.T) {
	w := booted(1)
	all := comparedTo(t, side(t, w, "old", 1, locally), 0.05, side(t, w, "new", 2, locally))
	docker0, macvlan := leastText(all[0].Modes[1]), leastText(all[0].Modes[2])
	out := formats(t, all)
	require.NotContains(t, strings.SplitN(string(out["terminal"]), "\n──", 2)[0], "would see", "80 columns are too few")
	require.Contains(t, string(out["terminal"]), "\nwould see: docker0 "+docker0+", macvlan "+macvlan+"\n")
	var wide bytes.Buffer
	require.NoError(t, CompareTerminal(&wide, all, TerminalOptions{Width: 120}))
	require.Equal(t, 1, strings.Count(wide.String(), "would see"))
	require.Equal(t, 1, strings.Count(string(out["markdown"]), "would see"), "a column")
	for _, format := range []string{"junit", "ktap"} {
		require.Contains(t, string(out[format]), ", would see "+docker0, format)
	}
	require.Contains(t, string(out["github"]), strings.ReplaceAll(", would see "+docker0, "%", "%25"))
}

// TestTheLevelIsNamed where it is the budget's many looks by which a claim falls.
func TestTheLevelIsNamed(t *testing.T) {
	decided := func(confidence float64) testbed.Change {
		j := &judgement{sign: 1, effect: mean{Mean: stats.Mean{Value: 0.05, Error: 0.01, Freedom: 5}, n: 6}, change: testbed.Change{Verdict: testbed.Undecided}}
		decideAll([]*judgement{j}, CompareOptions{Margin: 0.02, Confidence: confidence})
		return j.change
	}
	require.Equal(t, testbed.Regression, decided(0).Verdict)
	looks := decided(0.9925)
	require.Equal(t, testbed.Undecided, looks.Verdict)
	require.Regexp(t, `^the 95% interval is clear of the margin, and so many looks ask for one of 99\.25% \(Holm's p 0\.0\d+, and not below 0\.0075\)$`, looks.Reason)
}

func TestChangeText(t *testing.T) {
	for ratio, want := range map[float64]string{1: "0%", 1.021: "+2.1%", 0.9: "−10.0%", 1.0042: "+0.42%", 2.5: "+150.0%"} {
		require.Equal(t, want, changeText(ratio), fmt.Sprint(ratio))
	}
}
