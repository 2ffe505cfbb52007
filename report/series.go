package report

import (
	"fmt"
	"math"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// maxRound keeps a hostile round number from asking for memory.
const maxRound = 1 << 20

// series is one mode of a trial: its blocks by round.
type series struct {
	mode    testbed.Mode
	seen    map[int]int // Blocks of each round, also those that do not count.
	samples map[int][]sample
	voided  []testbed.VoidedBlock
	setup   []string
	passes  []testbed.Block // That looked for evidence, and measured nothing.

	unsupported, failed string // The first reason of each.

	byRound [][]sample  // Along the trial's rounds; nil where none counts.
	pool    *stats.Pool // Of all rounds; made when a pooled figure is asked for.
}

func newSeries(mode testbed.Mode) *series {
	return &series{mode: mode, seen: map[int]int{}, samples: map[int][]sample{}}
}

// take keeps a block that counts and lists one that does not. The warning is
// for a block that should not be as it is.
func (s *series) take(b testbed.Block) (warning string) {
	if b.Round < 0 || b.Round > maxRound {
		return "left out: no such round"
	}
	if allowed := s.perRound(); s.seen[b.Round] == allowed {
		return fmt.Sprintf("left out: there are already %d of %d in the round", allowed, allowed)
	}
	s.seen[b.Round]++
	if len(s.setup) == 0 {
		s.setup = b.Setup
	}
	switch {
	case b.Status == testbed.StatusUnsupported:
		s.unsupported = firstOf(s.unsupported, b.Reason, "no reason given")
	case b.Status != testbed.StatusOK:
		reason := firstOf(b.Reason, "no reason given")
		s.failed = firstOf(s.failed, reason)
		s.void(b, "failed: "+reason)
	case b.Void != "":
		s.void(b, b.Void)
	default:
		return s.count(b)
	}
	return ""
}

// perRound is how many blocks a round has of the mode.
func (s *series) perRound() int {
	if s.mode.Name == hostMode {
		return 2
	}
	return 1
}

func (s *series) void(b testbed.Block, reason string) {
	s.voided = append(s.voided, testbed.VoidedBlock{Mode: b.Mode, Round: b.Round, Reason: reason})
}

// count keeps a block, unless its data contradict each other.
func (s *series) count(b testbed.Block) (warning string) {
	dist, err := stats.Decode(b.Histogram, b.Min, b.Max, b.OutOfRange)
	if err == nil {
		err = contradiction(b, dist.Count)
	}
	if err != nil {
		s.void(b, err.Error())
		return "voided: " + err.Error()
	}
	s.samples[b.Round] = append(s.samples[b.Round], sample{Block: b, dist: dist})
	return ""
}

// contradiction says what cannot be true of a block.
func contradiction(b testbed.Block, counted int64) error {
	switch {
	case b.Transactions <= 0 || b.Nanoseconds <= 0:
		return fmt.Errorf("%d transactions in %d ns", b.Transactions, b.Nanoseconds)
	case counted != b.Transactions:
		return fmt.Errorf("%d transactions, but %d in the histogram", b.Transactions, counted)
	case !(b.Mean > 0) || math.IsInf(b.Mean, 0):
		return fmt.Errorf("mean of %v", b.Mean)
	case b.Mean < float64(b.Min) || b.Mean > float64(b.Max):
		return fmt.Errorf("mean %v outside of minimum %d and maximum %d", b.Mean, b.Min, b.Max)
	case b.Min < 1:
		return fmt.Errorf("a transaction of %d", b.Min)
	}
	return nil
}

// layOut puts the samples along the rounds.
func (s *series) layOut(rounds []int) {
	s.byRound = make([][]sample, len(rounds))
	for i, round := range rounds {
		s.byRound[i] = s.samples[round]
	}
}

// pooled is a percentile of the rounds together, each as often as its weight.
func (s *series) pooled(m metric, weights []int) float64 {
	if s.pool == nil {
		s.pool = s.makePool()
	}
	return s.pool.Quantile(float64(m.thousandths)/1000, weights)
}

func (s *series) makePool() *stats.Pool {
	rounds := make([]stats.Distribution, len(s.byRound))
	for i, samples := range s.byRound {
		dists := []stats.Distribution{}
		for _, one := range samples {
			dists = append(dists, one.dist)
		}
		if len(dists) > 0 {
			rounds[i] = stats.Merge(dists)
		}
	}
	return stats.NewPool(rounds)
}

// split is a series of the nth block of each round that has two.
func (s *series) split(nth int, rounds []int) *series {
	part := newSeries(s.mode)
	for round, samples := range s.samples {
		if len(samples) == 2 {
			part.samples[round] = samples[nth : nth+1]
		}
	}
	part.layOut(rounds)
	return part
}

// noBlock is why a mode has no figure of which nothing is known.
const noBlock = "no block arrived"

// status is ok where any block counts; else unsupported or failed, and why.
func (s *series) status() (status, reason string) {
	switch {
	case len(s.samples) > 0:
		return testbed.StatusOK, ""
	case s.unsupported != "":
		return testbed.StatusUnsupported, s.unsupported
	case s.failed != "":
		return testbed.StatusFailed, s.failed
	case len(s.voided) > 0:
		return testbed.StatusFailed, "every block was voided; the first: " + s.voided[0].Reason
	}
	return testbed.StatusFailed, noBlock
}

func (s *series) blocks() (n int) {
	for _, samples := range s.samples {
		n += len(samples)
	}
	return n
}

func (s *series) transactions() (n int64) {
	for _, samples := range s.samples {
		for _, one := range samples {
			n += one.Transactions
		}
	}
	return n
}

func (s *series) missed() (n int64) {
	for _, samples := range s.samples {
		for _, one := range samples {
			n += one.Missed
		}
	}
	return n
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
