package simulate

import (
	"math"
	"math/rand/v2"
)

// World is a made-up rig with modes beside host. Standard deviations are of
// logs, so 0.01 is one per cent; a correlation is that of a round with the next.
type World struct {
	Name   string
	Modes  int     // Beside host; 0 is 1.
	Effect float64 // Log of a mode's ratio to host.

	Block float64                         // Of a block: each has its own, host's two as well.
	Noise func(random *rand.Rand) float64 // Its shape, of deviation 1 and mean 0; nil is normal.
	// Noisier is how many times as much the mode's blocks scatter; 0 is 1.
	Noisier float64

	Mode            float64 // Of a mode within a round, host's two blocks alike.
	ModeCorrelation float64

	Round            float64 // Of a round, the same for all that is in it.
	RoundCorrelation float64
	Drift            float64 // From the first round to the last, on a line.
	Step             float64 // At a random place between two rounds.

	Boot float64 // Of a mode within a boot; drift and steps begin anew with it.
}

// Rounds are the logs of a figure in the blocks of each round, and the truth.
type Rounds struct {
	Host  [][2]float64 // In the order in which they ran.
	Modes [][]float64
	Boot  []int // Of each round, from 0.
	// Level is what host's blocks would have shown without an effect of their
	// own; a mode's level is host's times the ratio, which is the same in all
	// rounds.
	Level []float64
}

// Draw makes the rounds of each of a number of boots.
func (w World) Draw(random *rand.Rand, boots, perBoot int) Rounds {
	r := Rounds{Modes: make([][]float64, max(w.Modes, 1))}
	for boot := range boots {
		shared := w.shared(random, perBoot)
		for i, own := range w.own(random, perBoot) {
			level := shared[i] + own
			r.Host = append(r.Host, [2]float64{level + w.block(random), level + w.block(random)})
			r.Boot, r.Level = append(r.Boot, boot), append(r.Level, level)
		}
		for m := range r.Modes {
			for i, own := range w.own(random, perBoot) {
				level := shared[i] + own + w.Effect
				r.Modes[m] = append(r.Modes[m], level+max(w.Noisier, 1)*w.block(random))
			}
		}
	}
	return r
}

// own is what a mode has to itself in each round of a boot.
func (w World) own(random *rand.Rand, n int) []float64 {
	boot := w.Boot * random.NormFloat64()
	rounds := autoregression(random, n, w.Mode, w.ModeCorrelation)
	for i := range rounds {
		rounds[i] += boot
	}
	return rounds
}

// shared is what all blocks of a round have in common.
func (w World) shared(random *rand.Rand, n int) []float64 {
	levels := autoregression(random, n, w.Round, w.RoundCorrelation)
	at := random.IntN(n + 1)
	for i := range levels {
		levels[i] += w.Drift * float64(i) / float64(max(n-1, 1))
		if i >= at {
			levels[i] += w.Step
		}
	}
	return levels
}

func (w World) block(random *rand.Rand) float64 {
	if w.Noise == nil {
		return w.Block * random.NormFloat64()
	}
	return w.Block * w.Noise(random)
}

// autoregression is a stationary series of the first order.
func autoregression(random *rand.Rand, n int, deviation, correlation float64) []float64 {
	series := make([]float64, n)
	last := random.NormFloat64()
	for i := range series {
		series[i] = deviation * last
		last = correlation*last + math.Sqrt(1-correlation*correlation)*random.NormFloat64()
	}
	return series
}
