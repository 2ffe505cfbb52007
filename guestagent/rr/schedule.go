package rr

import (
	"math"
	"math/rand/v2"
)

// schedule says when an open loop intends its requests, without end and without
// memory: a request that could not be sent in time is the next one all the same.
type schedule struct {
	next     int64   // ns, as the loop's clock has it.
	exact    float64 // The same, unrounded, so that no rate is off by its rounding.
	interval float64 // ns, the mean.
	random   *rand.Rand
}

func newSchedule(c *Config) *schedule {
	s := &schedule{interval: 1e9 / c.Rate}
	if c.Schedule == Poisson {
		s.random = rand.New(rand.NewPCG(c.Seed, 0))
	}
	return s
}

// start puts the first request one interval after a time.
func (s *schedule) start(now int64) {
	s.exact = float64(now)
	s.advance()
}

// advance goes on to the request after this one. Intervals between the arrivals
// of a Poisson process are exponential with its mean.
func (s *schedule) advance() {
	step := s.interval
	if s.random != nil {
		step *= s.random.ExpFloat64()
	}
	s.exact += step
	s.next = int64(math.Round(s.exact))
}

// late says whether a request that waited so long missed its schedule.
func (s *schedule) late(lag int64) bool { return float64(lag) > s.interval/10 }
