package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// The shares of resamples that decide a claim.
const (
	confirms = 0.95
	refutes  = 0.05
)

// Judge evaluates the lab's expectations in each cell: predicates[c][e] is
// expectation e in cell c, compiled. A claim that holds in at least 95% of the
// resamples of rounds is confirmed, in at most 5% refuted, else inconclusive;
// also where it needs a metric that the result does not have, or rests on too
// few rounds for any interval. All modes of a test are resampled together.
func Judge(lab testbed.Lab, predicates [][]testbed.Predicate, blocks []testbed.Block) []testbed.ExpectationResult {
	trials, _ := group(lab, blocks)
	verdicts := []testbed.ExpectationResult{}
	for c, cell := range lab.Cells {
		if c >= len(predicates) {
			break
		}
		court := newCourt(cell, trials)
		for e, holds := range predicates[c] {
			if e < len(lab.Expectations) && holds != nil {
				verdicts = append(verdicts, court.judge(lab.Expectations[e], holds))
			}
		}
	}
	return verdicts
}

// court answers lookups on one cell.
type court struct {
	coordinates map[string]string
	trials      map[string]*trial
	ready       map[testbed.Metric]reading
}

// reading is a metric that can be read on any weighting of the rounds.
type reading struct {
	of     func(weights []int) float64 // nil: the result does not have it.
	rounds int                         // It rests on.
	unit   string                      // Of a mode's own figure.
	why    string                      // Where of is nil.
}

func unread(format string, args ...any) reading { return reading{why: fmt.Sprintf(format, args...)} }

func newCourt(cell testbed.Cell, trials []*trial) *court {
	c := &court{coordinates: cell.At(), trials: map[string]*trial{}, ready: map[testbed.Metric]reading{}}
	for _, t := range trials {
		if maps.Equal(t.coordinates, c.coordinates) {
			c.trials[t.test.Name] = t
		}
	}
	return c
}

func (c *court) judge(claim testbed.Expectation, holds testbed.Predicate) testbed.ExpectationResult {
	r := testbed.ExpectationResult{
		Name: claim.Name, Cell: c.coordinates, That: claim.Source, Published: claim.Published, Verdict: testbed.Inconclusive,
	}
	asked := map[testbed.Metric]bool{} // And whether it was known.
	truth := c.try(holds, asked, func(t *trial) []int { return ones(len(t.rounds)) })
	r.Found = c.found(asked)
	if truth == testbed.Unknown {
		r.Reason = c.unknownReason(asked)
		return r
	}
	if r.Reason = c.tooFew(asked, truth); r.Reason != "" {
		return r
	}
	share := c.share(holds, asked, (*trial).resamples)
	r.Share = &share
	switch {
	case share >= confirms:
		r.Verdict = testbed.Confirmed
	case share <= refutes:
		r.Verdict = testbed.Refuted
	default:
		r.Reason = fmt.Sprintf("it holds in %.0f%% of %d resamples of the rounds", 100*share, stats.Resamples)
		r.Needed = c.needed(holds, asked)
	}
	return r
}

// share is the part of the resamples in which a claim holds. One in which it is
// unknown counts as one in which it does not hold, so it cannot help to confirm.
func (c *court) share(holds testbed.Predicate, asked map[testbed.Metric]bool, resamples func(*trial) [][]int) float64 {
	held, drawn := 0, map[*trial][][]int{}
	for i := range stats.Resamples {
		truth := c.try(holds, asked, func(t *trial) []int {
			if drawn[t] == nil {
				drawn[t] = resamples(t)
			}
			return drawn[t][i]
		})
		if truth == testbed.True {
			held++
		}
	}
	return float64(held) / stats.Resamples
}

// try evaluates a claim on one weighting of each test's rounds.
func (c *court) try(holds testbed.Predicate, asked map[testbed.Metric]bool, weights func(*trial) []int) testbed.Truth {
	return holds(func(m testbed.Metric) (float64, bool) {
		of := c.find(m).of
		if of == nil {
			asked[m] = false
			return 0, false
		}
		asked[m] = true
		if m.Function == "capability" { // The test may be left out.
			return of(nil), true
		}
		value := of(weights(c.trials[m.Test]))
		return value, !math.IsNaN(value)
	})
}

// find prepares a metric once.
func (c *court) find(m testbed.Metric) reading {
	r, known := c.ready[m]
	if !known {
		r = c.prepare(m)
		c.ready[m] = r
	}
	return r
}

func (c *court) prepare(m testbed.Metric) reading {
	if m.Function == "capability" {
		return c.readCapability(m)
	}
	t := c.trials[m.Test]
	if t == nil {
		return unread("there is no test %s", m.Test)
	}
	s := t.named(m.Mode)
	if s == nil {
		return unread("test %s has no mode %s", m.Test, m.Mode)
	}
	if m.Function == "ratio" {
		return t.readRatio(s, m)
	}
	if of, is := evidenceMetrics[m.Function]; is {
		return t.readEvidence(s, m.Function, of)
	}
	name := m.Function
	if name == "instructions" {
		if _, unit := lengthOf(t.test); unit != testbed.UnitInstructions {
			return unread("instructions are counted on the backend %q alone", backendIcount)
		}
		name = p50.name
	}
	metric, isFigure := metricNamed(name)
	if !isFigure {
		return unread("nothing measures %s yet", m.Function)
	}
	_, unit := lengthOf(t.test)
	if metric.name == "rate" {
		unit = testbed.UnitRate
	}
	method, why := t.method(s, metric)
	switch method {
	case methodRounds:
		logs := s.logs(metric)
		of := func(weights []int) float64 { return math.Exp(weighted(logs, weights)) }
		return reading{of: of, rounds: len(s.samples), unit: unit}
	case methodPooled:
		of := func(weights []int) float64 { return s.pooled(metric, weights) }
		return reading{of: of, rounds: len(s.samples), unit: unit}
	}
	return unread("%s of %s: %s", m.Function, m.Mode, why)
}

// evidenceMetrics are what an expectation can ask of a mode's evidence.
var evidenceMetrics = map[string]func(testbed.ModeEvidence) *float64{
	"softirqs": func(e testbed.ModeEvidence) *float64 { return e.Softirqs },
	"backlog":  func(e testbed.ModeEvidence) *float64 { return e.Backlog },
	"calls":    func(e testbed.ModeEvidence) *float64 { return e.Calls },
}

// readEvidence is the same in each resample: it was counted, not timed.
func (t *trial) readEvidence(s *series, name string, of func(testbed.ModeEvidence) *float64) reading {
	var value *float64
	if e := t.evidence(s, testbed.ModeResult{}); e != nil {
		value = of(*e)
	}
	if value == nil {
		return unread("%s of %s were not counted", name, s.mode.Name)
	}
	return reading{of: func([]int) float64 { return *value }, rounds: len(t.rounds)}
}

func (t *trial) readRatio(s *series, m testbed.Metric) reading {
	base := t.named(m.Base)
	metric, isFigure := metricNamed(m.Name)
	if base == nil || !isFigure {
		return unread("test %s has no %s of %s", m.Test, m.Name, m.Base)
	}
	p := t.pair(s, base, metric)
	switch {
	case p.method == "":
		return unread("%s of %s: %s", m.Name, m.Mode, p.reason)
	case p.rounds() == 0:
		return unread("no round has both %s and %s", m.Mode, m.Base)
	}
	return reading{of: p.of, rounds: p.rounds()}
}

func (t *trial) named(mode string) *series {
	i := slices.IndexFunc(t.series, func(s *series) bool { return s.mode.Name == mode })
	if i < 0 {
		return nil
	}
	return t.series[i]
}

// tooFew is the reason why a claim rests on too little for a verdict; of counts with what
// it is for the seeds that there are.
func (c *court) tooFew(asked map[testbed.Metric]bool, truth testbed.Truth) string {
	for _, m := range sortedMetrics(asked) {
		if m.Function == "capability" { // It was seen, and rests on no round.
			continue
		}
		r, t := c.find(m), c.trials[m.Test]
		if r.of != nil && r.rounds < t.least() {
			if t.counts() {
				return fewSeeds(r.rounds, truth)
			}
			return fmt.Sprintf("%s rests on %s, %d needed for a verdict", metricText(m), count(r.rounds, "round"), stats.MinRounds)
		}
		if boots := t.bootsOf(m); boots > 1 && boots < stats.MinBoots {
			return fmt.Sprintf("%s rests on %s, %d needed for a verdict", metricText(m), count(boots, "boot"), stats.MinBoots)
		}
	}
	return ""
}

func (c *court) unknownReason(asked map[testbed.Metric]bool) string {
	missing := []string{}
	for _, m := range sortedMetrics(asked) {
		if why := c.find(m).why; !asked[m] && !slices.Contains(missing, why) {
			missing = append(missing, why)
		}
	}
	if len(missing) == 0 {
		return "its value is unknown"
	}
	return "not known: " + strings.Join(missing, "; ")
}

func sortedMetrics(asked map[testbed.Metric]bool) []testbed.Metric {
	return slices.SortedFunc(maps.Keys(asked), func(a, b testbed.Metric) int {
		return strings.Compare(metricText(a), metricText(b))
	})
}

// metricText writes a metric as an expectation does.
func metricText(m testbed.Metric) string {
	switch m.Function {
	case "ratio":
		return fmt.Sprintf("ratio(test.%s, mode.%s, mode.%s, %q)", m.Test, m.Mode, m.Base, m.Name)
	case "capability":
		return fmt.Sprintf("capability(test.%s, mode.%s, %q)", m.Test, m.Mode, m.Name)
	}
	return fmt.Sprintf("%s(test.%s, mode.%s)", m.Function, m.Test, m.Mode)
}
