package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// besides are the blocks of another engine in one mode. It gives no histogram,
// only the figures of each block, so nothing of them can be pooled.
type besides struct {
	engine, mode, version string

	rounds map[int][]testbed.Block // Those that count.
	seen   map[int]int             // All of each round.
	lost   []string                // Why each of the others does not count.
	absent string                  // Why the engine is unsupported, if it is.
}

// takeBeside puts another engine's block in its place, or says why it does not
// count.
func (t *trial) takeBeside(b testbed.Block) (warning string) {
	at := fmt.Sprintf("%s: %s with %s, round %d", t.title(), b.Mode, b.Engine, b.Round+1)
	i := slices.IndexFunc(t.series, func(s *series) bool { return s.mode.Name == b.Mode })
	if i < 0 {
		return fmt.Sprintf("%s: block %d left out: the test has no mode %q", t.title(), b.Index, b.Mode)
	}
	if b.Round < 0 || b.Round > maxRound {
		return at + ": left out: no such round"
	}
	o := t.besidesOf(b.Engine, b.Mode)
	if allowed := t.series[i].perRound(); o.seen[b.Round] == allowed {
		return fmt.Sprintf("%s: left out: there are already %d of %d in the round", at, allowed, allowed)
	}
	o.seen[b.Round]++
	o.take(b)
	return ""
}

func (t *trial) besidesOf(engine, mode string) *besides {
	for _, o := range t.others {
		if o.engine == engine && o.mode == mode {
			return o
		}
	}
	o := &besides{engine: engine, mode: mode, rounds: map[int][]testbed.Block{}, seen: map[int]int{}}
	t.others = append(t.others, o)
	return o
}

func (o *besides) take(b testbed.Block) {
	switch err := implausible(b); {
	case b.Status == testbed.StatusUnsupported:
		o.absent = firstOf(o.absent, b.Reason, "no reason given")
	case b.Status != testbed.StatusOK:
		o.lost = append(o.lost, "failed: "+firstOf(b.Reason, "no reason given"))
	case b.Void != "":
		o.lost = append(o.lost, b.Void)
	case err != nil:
		o.lost = append(o.lost, err.Error())
	default:
		o.version = firstOf(o.version, b.Figures.Version)
		o.rounds[b.Round] = append(o.rounds[b.Round], b)
	}
}

// implausible says what cannot be true of another engine's block.
func implausible(b testbed.Block) error {
	switch {
	case b.Figures == nil:
		return fmt.Errorf("%s gave no figures", b.Engine)
	case b.Transactions <= 0 || b.Nanoseconds <= 0:
		return fmt.Errorf("%d transactions in %d ns", b.Transactions, b.Nanoseconds)
	case !(b.Mean > 0) || math.IsInf(b.Mean, 0):
		return fmt.Errorf("mean of %v", b.Mean)
	}
	for name, value := range b.Figures.Percentiles {
		if !(value > 0) || math.IsInf(value, 0) {
			return fmt.Errorf("%s of %v", name, value)
		}
	}
	return nil
}

// beside is a mode as other engines saw it.
func (t *trial) beside(s *series) []testbed.EngineResult {
	results := []testbed.EngineResult{}
	for _, o := range t.others {
		if o.mode != s.mode.Name {
			continue
		}
		r := testbed.EngineResult{
			Engine: o.engine, Version: o.version, Blocks: o.blocks(),
			Figures: map[string]testbed.Estimate{}, RatioToHost: map[string]testbed.Estimate{}, RatioToOurs: map[string]testbed.Estimate{},
		}
		for _, metric := range metrics {
			if o.reports(metric) {
				r.Figures[metric.name] = t.besideFigure(o, metric)
				r.RatioToHost[metric.name] = t.besideHost(o, metric)
				r.RatioToOurs[metric.name] = t.besideOurs(o, s, metric)
			}
		}
		results = append(results, r)
	}
	return results
}

func (o *besides) blocks() (n int) {
	for _, blocks := range o.rounds {
		n += len(blocks)
	}
	return n
}

// reports says whether the engine gives a metric, in any block. Of one that has
// no block, p50 stands for all: it says why there is none.
func (o *besides) reports(m metric) bool {
	if len(o.rounds) == 0 {
		return m.name == p50.name
	}
	for _, blocks := range o.rounds {
		for _, b := range blocks {
			if _, given := valueBeside(b, m); given {
				return true
			}
		}
	}
	return false
}

// valueBeside is a figure of another engine's block.
func valueBeside(b testbed.Block, m metric) (value float64, given bool) {
	if m.thousandths == 0 {
		return m.of(sample{Block: b}), true
	}
	value, given = b.Figures.Percentiles[m.name]
	return value, given
}

// lacking says why the engine has no such figure, if it has none: a percentile
// needs as many transactions beyond it in every block as one of ours, and there
// is no histogram to pool.
func (o *besides) lacking(m metric) string {
	if len(o.rounds) == 0 {
		if o.absent != "" {
			return "unsupported: " + o.absent
		}
		if len(o.lost) > 0 {
			return "no block counts; the first: " + o.lost[0]
		}
		return "no block arrived"
	}
	for _, blocks := range o.rounds {
		for _, b := range blocks {
			if _, given := valueBeside(b, m); !given {
				return o.engine + " does not give it in every block"
			}
			if have := stats.Beyond(b.Transactions, m.thousandths); m.thousandths > 0 && have < beyond {
				return fmt.Sprintf("a block of %s has %d transactions beyond it, %d needed, and its blocks cannot be pooled: longer blocks would have them", o.engine, have, beyond)
			}
		}
	}
	return ""
}

// logs is the log of the figure in each round, as [series.logs] is ours.
func (o *besides) logs(rounds []int, m metric) []float64 {
	logs := make([]float64, len(rounds))
	for i, round := range rounds {
		sum := 0.0
		for _, b := range o.rounds[round] {
			value, _ := valueBeside(b, m)
			sum += math.Log(value)
		}
		logs[i] = sum / float64(len(o.rounds[round])) // 0/0 is NaN.
	}
	return logs
}

// besideFigure is the engine's own figure. Its interval is over rounds as they
// were, drift and all, so it is wider than that of ours.
func (t *trial) besideFigure(o *besides, m metric) testbed.Estimate {
	if reason := o.lacking(m); reason != "" {
		return testbed.Estimate{Reason: reason}
	}
	return t.mean(o.logs(t.rounds, m)).estimate(t.methodOf(methodRounds))
}

// besideHost is the ratio to host, by the same engine in the same rounds.
func (t *trial) besideHost(o *besides, m metric) testbed.Estimate {
	if o.mode == hostMode {
		return testbed.Estimate{Reason: "host is the reference; its own spread is the noise floor"}
	}
	host := t.besidesOf(o.engine, hostMode)
	for _, side := range []*besides{o, host} {
		if reason := side.lacking(m); reason != "" {
			return testbed.Estimate{Reason: side.mode + ": " + reason}
		}
	}
	return t.paired(o.logs(t.rounds, m), host.logs(t.rounds, m))
}

// besideOurs is testbed's figure over the engine's in the same rounds.
func (t *trial) besideOurs(o *besides, s *series, m metric) testbed.Estimate {
	if reason := o.lacking(m); reason != "" {
		return testbed.Estimate{Reason: reason}
	}
	switch method, reason := t.method(s, m); method {
	case "":
		return testbed.Estimate{Reason: "testbed: " + reason}
	case methodPooled:
		return testbed.Estimate{Reason: "testbed's figure is of all rounds pooled, and has no pair in a round"}
	}
	return t.paired(s.logs(m), o.logs(t.rounds, m))
}

// paired is the ratio of two figures by their logs along the rounds.
func (t *trial) paired(a, b []float64) testbed.Estimate {
	logs := make([]float64, len(a))
	for i := range a {
		logs[i] = a[i] - b[i]
	}
	return t.mean(logs).estimate(t.methodOf(methodRounds))
}

// besideWarnings say what of other engines is missing.
func (t *trial) besideWarnings() (warnings []string) {
	for _, o := range t.others {
		at := fmt.Sprintf("%s: %s with %s", t.title(), o.mode, o.engine)
		if o.absent != "" {
			warnings = append(warnings, at+": unsupported: "+o.absent)
		}
		if len(o.lost) > 0 {
			warnings = append(warnings, fmt.Sprintf("%s: %s not counted; the first: %s", at, count(len(o.lost), "block"), o.lost[0]))
		}
	}
	return warnings
}
