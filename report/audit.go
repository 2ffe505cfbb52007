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

// auditTolerance is how far rate × mean may lie from the number of connections
// before it is said aloud. In a closed loop the two are equal but for the time
// between an answer and the next request, which is two readings of a clock.
const auditTolerance = 0.05

// audit is what a reader must know before trusting a test's figures.
func (t *trial) audit(r testbed.TestResult) []string {
	warnings := []string{}
	warn := func(format string, args ...any) {
		warnings = append(warnings, t.title()+": "+fmt.Sprintf(format, args...))
	}
	if n := len(t.rounds); n < t.test.Rounds && (n > 0 || t.absent == "") {
		warn("%d of %s ran", n, count(t.test.Rounds, "round"))
	}
	switch n := len(t.first().samples); {
	case n == len(t.rounds):
	case n == 0:
		warn("no round has both host blocks, so there is no noise floor")
	default:
		warn("%s of %d without both host blocks; the noise floor rests on the others", count(len(t.rounds)-n, "round"), len(t.rounds))
	}
	if n := r.NoiseFloor.N; r.NoiseFloor.Estimate != nil && n < t.least() {
		warn("no interval is given on fewer than %d %ss", t.least(), t.round())
	}
	if r.Boots > 1 && r.Boots < stats.MinBoots {
		warn("no interval is given on fewer than %d boots", stats.MinBoots)
	}
	for i, s := range t.series {
		if text := auditDrift(r.Modes[i].Drift); text != "" {
			warn("%s: %s", s.mode.Name, text)
		}
		for _, text := range t.auditSeries(s) {
			warn("%s: %s", s.mode.Name, text)
		}
	}
	return warnings
}

func (t *trial) auditSeries(s *series) []string {
	texts := []string{}
	if product, want := s.concurrency(), float64(max(t.test.Connections, 1)); t.test.Load == nil && math.Abs(product/want-1) > auditTolerance {
		texts = append(texts, fmt.Sprintf("rate × mean is %.2f, not %.0f: part of the block's time lies outside of its transactions", product, want))
	}
	if text := t.auditSerial(s); text != "" {
		texts = append(texts, text)
	}
	if n := len(s.voided); n > 0 && len(s.samples) > 0 {
		texts = append(texts, fmt.Sprintf("%s voided; the first: %s", count(n, "block"), s.voided[0].Reason))
	}
	if s.unsupported != "" && len(s.samples) > 0 {
		texts = append(texts, "some blocks were unsupported: "+s.unsupported)
	}
	sums := s.sums()
	for _, what := range slices.Sorted(maps.Keys(sums)) {
		if n := sums[what]; n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s in %d transactions", n, what, s.transactions()))
		}
	}
	return texts
}

// auditSerial says that a mode's rounds resemble each other more than the
// intervals allow for.
func (t *trial) auditSerial(s *series) string {
	if s == t.host || t.booted() > 1 {
		return ""
	}
	p := t.pair(s, t.host, p50)
	if rounds := known(p.logs); p.method == methodRounds && len(rounds) >= stats.MinRounds {
		if correlation, clear := stats.Serial(rounds); clear {
			return fmt.Sprintf("its ratio to host wanders from round to round (autocorrelation %.2f): its intervals may be too narrow; more rounds or boots would tell", correlation)
		}
	}
	return ""
}

// concurrency is rate × mean, the median over blocks: by Little's law the
// number of transactions under way at once. It is NaN for no block.
func (s *series) concurrency() float64 {
	products := []float64{}
	for _, samples := range s.samples {
		for _, one := range samples {
			products = append(products, float64(one.Transactions)*one.Mean/float64(one.Nanoseconds))
		}
	}
	return stats.Median(products)
}

// concurrent is the same, or nil for no block.
func (s *series) concurrent() *float64 {
	if c := s.concurrency(); !math.IsNaN(c) {
		return &c
	}
	return nil
}

// sums adds up what should not have happened.
func (s *series) sums() map[string]int64 {
	sums := map[string]int64{}
	for _, samples := range s.samples {
		for _, one := range samples {
			sums["requests lost"] += one.Lost
			sums["answers too late"] += one.Late
			sums["answers that had come before"] += one.Duplicates
			sums["requests later than their schedule, or never sent,"] += one.Missed
			sums["transactions out of the histogram's range"] += one.OutOfRange
			for name, n := range one.Counters {
				if strings.HasSuffix(name, "tcp_retrans_segs") {
					sums["TCP segments sent again"] += n
				}
			}
		}
	}
	return sums
}
