package report

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// judgement is a row on its way to a verdict.
type judgement struct {
	change testbed.Change
	effect mean    // Log of what is judged, new over base.
	sign   float64 // 1 where more is worse, -1 of a rate.
	// reference says that it is host, by which the other modes are judged.
	reference bool
	// broken says that the new side failed at what the base did.
	broken bool
}

// judge compares a mode's figure on both sides. What may be judged depends on what
// was repeated: a boot decides much that all its rounds share (where the kernel lies
// in memory, which queue serves which flow), so where machines boot the boot is the
// unit. Where none boots, the kernel is the same and the hour is not, which host's
// blocks in the same rounds take out.
func (p trialPair) judge(mode string, m metric, base, other CompareSide) *judgement {
	b, n := p.base.series[p.base.index(mode)], p.new.series[p.new.index(mode)]
	j := &judgement{sign: 1, change: testbed.Change{
		Test: p.base.result.Name, Cell: p.base.left, Mode: mode, Unit: p.base.result.Unit,
		Base: figureIn(p.base.result, mode, m), New: figureIn(p.new.result, mode, m),
		JudgedBy: testbed.JudgedItself, Verdict: testbed.Undecided,
	}}
	if m.name == "rate" {
		j.sign, j.change.Unit = -1, testbed.UnitRate
	}
	if why := p.unfit(b, n, m); why != "" {
		j.change.Itself, j.change.ToHost = testbed.Estimate{Reason: why}, testbed.Estimate{Reason: why}
		j.effect, j.change.Reason = mean{reason: why}, why
		j.broken = modeIn(p.new.result, mode).Status != testbed.StatusOK
		return j
	}
	j.weigh(p, b, n, m, base, other)
	j.change.Functions = grown(modeIn(p.base.result, mode), modeIn(p.new.result, mode))
	return j
}

// weigh chooses what is judged.
func (j *judgement) weigh(p trialPair, b, n *series, m metric, base, other CompareSide) {
	together := interleaved(base, other)
	itself := p.contrast(p.base.itself(b, m), p.new.itself(n, m), together)
	toHost := mean{reason: "host is the reference"}
	if b != p.base.host {
		toHost = p.contrast(p.base.toHost(b, m), p.new.toHost(n, m), together)
	}
	j.effect = itself
	if !p.boots && !p.base.counts() {
		itself.reason = firstOf(itself.reason, "no interval: the machine may have been slower in that hour; the ratio to host is judged")
		j.effect, j.change.JudgedBy = toHost, testbed.JudgedToHost
		j.reference = b == p.base.host
	}
	j.change.Itself, j.change.ToHost = itself.estimate(methodCompared), toHost.estimate(methodCompared)
}

// methodCompared is how two results' figures become one.
const methodCompared = "ratio of geometric means"

// unfit says why a mode has nothing to compare.
func (p trialPair) unfit(b, n *series, m metric) string {
	for _, side := range []struct {
		name string
		mode testbed.ModeResult
	}{{"base", modeIn(p.base.result, b.mode.Name)}, {"new", modeIn(p.new.result, n.mode.Name)}} {
		if side.mode.Status != testbed.StatusOK { // As the result has it, which looked at more than the blocks.
			return fmt.Sprintf("%s: the mode is %s", side.name, joined(side.mode.Status, side.mode.Reason))
		}
	}
	if m.name == "rate" && p.base.counts() {
		return "instructions make no rate"
	}
	if method, why := p.base.method(b, m); method == "" {
		return "base: " + why
	}
	if method, why := p.new.method(n, m); method == "" {
		return "new: " + why
	}
	return ""
}

// itself is the log of a mode's own figure over rounds.
func (s sideTrial) itself(of *series, m metric) leveled {
	method, _ := s.method(of, m)
	return leveled{s.trial, s.level(of, m, method), of.logs(m), method == methodPooled}
}

// toHost is the log of a mode's ratio to host over rounds.
func (s sideTrial) toHost(of *series, m metric) leveled {
	p := s.pair(of, s.host, m)
	return leveled{s.trial, s.trial.contrast(p), p.logs, p.method == methodPooled}
}

// leveled is a mean with the rounds it was made of.
type leveled struct {
	*trial
	mean mean
	logs []float64
	// pooled says that the mean is of all rounds together, and logs are not its parts.
	pooled bool
}

// contrast is new less base: of independent means, or, where both were repeated side
// by side, of what each repetition has on both sides. Counts that agree to the last
// digit need no repetition.
func (p trialPair) contrast(base, other leveled, together bool) mean {
	m := mean{Mean: other.mean.Mean.Minus(base.mean.Mean), n: min(base.mean.n, other.mean.n)}
	switch {
	case base.counts() && slices.Equal(base.logs, other.logs):
		return mean{Mean: stats.Mean{Freedom: 1}, n: m.n}
	case p.boots && !base.counts() && min(base.booted(), other.booted()) < stats.MinBoots:
		m.reason = fmt.Sprintf("no verdict: measured in %s, %d needed on each side, for what a boot decides looks like a change",
			count(min(base.booted(), other.booted()), base.boot()), stats.MinBoots)
	case base.mean.reason != "":
		m.reason = "base: " + base.mean.reason
	case other.mean.reason != "":
		m.reason = "new: " + other.mean.reason
	case together && base.booted() > 1 && !base.pooled && !other.pooled:
		return paired(base, other)
	}
	return m
}

// paired is the mean over boots of the differences between the two sides' boots of
// one number: next to each other in time, or of one seed.
func paired(base, other leveled) mean {
	b, n := base.byBoot(), other.byBoot()
	var differences []float64
	for _, boot := range slices.Sorted(maps.Keys(b)) {
		if value, both := n[boot]; both {
			differences = append(differences, value-b[boot])
		}
	}
	m := mean{Mean: stats.PlainMean(differences), n: len(differences)}
	if base.test.Precision > 0 || other.test.Precision > 0 {
		m.Error *= stoppedEarly
	}
	if len(differences) < stats.MinBoots {
		m.reason = fmt.Sprintf("no interval: %s on both sides, %d needed", count(len(differences), base.boot()), stats.MinBoots)
	}
	return m
}

func (l leveled) byBoot() map[int]float64 {
	sums, counts := map[int]float64{}, map[int]float64{}
	for i, v := range l.logs {
		if !math.IsNaN(v) {
			sums[l.boots[i]] += v
			counts[l.boots[i]]++
		}
	}
	for boot := range sums {
		sums[boot] /= counts[boot]
	}
	return sums
}

// interleaved says that the two sides are cells of one run, whose boots take turns,
// or were counted with the same seeds. Cells that were measured apart took none.
func interleaved(base, other CompareSide) bool {
	if base.Result.Backend == backendIcount {
		return base.Result.Seed == other.Result.Seed
	}
	if len(base.Result.Environment.Cells) > 0 {
		return false
	}
	return base.Result.Started.Equal(other.Result.Started) && base.Result.LabDigest == other.Result.LabDigest
}

func modeIn(t testbed.TestResult, name string) testbed.ModeResult {
	i := slices.IndexFunc(t.Modes, func(m testbed.ModeResult) bool { return m.Name == name })
	if i < 0 {
		return testbed.ModeResult{Name: name, Status: testbed.StatusFailed, Reason: "the result does not list it"}
	}
	return t.Modes[i]
}

func figureIn(t testbed.TestResult, mode string, m metric) testbed.Estimate {
	one := modeIn(t, mode)
	return *figureOf(&one, m.name)
}

// compareClaim is the verdict nearest to an effect, with the p by which it stands or falls.
type compareClaim struct {
	verdict string
	p       float64
}

// claimOf is what an effect says against the margin: beyond it, or within it (two
// one-sided tests, Schuirmann 1987). Its p is below the level exactly where all of the
// interval is on that side.
func (j *judgement) claimOf(margin float64) (c compareClaim) {
	limit := math.Log1p(margin)
	worse := j.effect.Mean
	worse.Value *= j.sign
	above, below := worse.P(limit), worse.P(-limit)
	switch {
	case worse.Value == 0 && worse.Error == 0:
		return compareClaim{testbed.Equal, 0}
	case worse.Value > limit:
		return compareClaim{testbed.Regression, above}
	case worse.Value < -limit:
		return compareClaim{testbed.Improvement, below}
	}
	return compareClaim{testbed.Equal, max(above, below)}
}

// decideAll gives every row its verdict: claims by Holm's p over all of them.
func decideAll(rows []*judgement, o CompareOptions) {
	alpha := level
	if o.Confidence > 0 {
		alpha = 1 - o.Confidence
	}
	var open []*judgement
	var claims []compareClaim
	var p []float64
	for _, j := range rows {
		j.describe()
		switch {
		case j.reference:
			j.change.Verdict, j.change.Reason = "", "host is the reference here"
		case j.broken && !o.Elsewhere: // Another machine may lack what a mode needs.
			j.change.Verdict, j.change.Reason = testbed.Broken, j.effect.reason+"; the base did it"
		case j.effect.reason != "":
			j.change.Reason = j.effect.reason
		default:
			c := j.claimOf(o.Margin)
			open, claims, p = append(open, j), append(claims, c), append(p, c.p)
		}
	}
	for i, adjusted := range stats.Holm(p) {
		open[i].decide(claims[i], adjusted, alpha, len(open), o)
	}
}

// decide says what becomes of a claim among so many rows. What it would see is by
// the level that Holm's procedure asks for first: the least p meets it in any case.
func (j *judgement) decide(c compareClaim, adjusted, alpha float64, rows int, o CompareOptions) {
	least := math.Exp(math.Log1p(o.Margin) + j.effect.Detectable(power, alpha/float64(rows)))
	j.change.P, j.change.MinimumEffect = &adjusted, &least
	switch {
	case adjusted < alpha && o.Elsewhere:
		j.change.Verdict = map[bool]string{true: testbed.Reproduced, false: testbed.Different}[c.verdict == testbed.Equal]
	case adjusted < alpha:
		j.change.Verdict = c.verdict
	case c.p < level && alpha < level:
		j.change.Reason = fmt.Sprintf("the 95%% interval is clear of the margin, and so many looks ask for one of %s (Holm's p %.2g, and not below %.2g)", percentText(1-alpha), adjusted, alpha)
	case c.p < alpha:
		j.change.Reason = fmt.Sprintf("among %s one such would be by chance (Holm's p %.2g)", count(rows, "row"), adjusted)
	default:
		j.change.Reason = fmt.Sprintf("the interval reaches over the margin of %s", percentText(o.Margin))
	}
}

// describe fills in what does not depend on the other rows.
func (j *judgement) describe() {
	if j.effect.reason != "" {
		return
	}
	lo, hi := j.effect.Interval()
	switch worse := j.effect.Value * j.sign; {
	case lo <= 0 && hi >= 0:
		j.change.Functions = nil
	case worse > 0:
		j.change.Direction = testbed.Slower
	default:
		j.change.Direction = testbed.Faster
	}
}
