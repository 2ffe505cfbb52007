package changepoint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// labelled is a made-up series with what was done to it.
type labelled struct {
	kind, noise string
	values      []float64
	labels      []label
}

// label is a change that a detector should find: between the first night that has
// some of it and the first that has all.
type label struct {
	from, to int
	gradual  bool
}

// near is how many nights off a change may be found and still count as found.
const near = 3

// kinds of what is done to a series.
var kinds = []string{"nothing", "outliers", "variance", "step", "steps", "undone", "ramp"}

// noises of a night, in standard deviations: normal; skewed (an exponential, less its
// mean); correlated with the night before (an autoregression of 0.3).
var noises = []string{"normal", "skewed", "correlated"}

// makeLabelled makes each kind in each noise so many times.
func makeLabelled(seed uint64, each int) (all []labelled) {
	random := rand.New(rand.NewPCG(seed, 20231))
	for _, kind := range kinds {
		for _, noise := range noises {
			for range each {
				all = append(all, draw(random, kind, noise))
			}
		}
	}
	return all
}

// draw makes a series of 60 to 120 nights, whose nights scatter by 0.3% to 2%.
func draw(random *rand.Rand, kind, noise string) labelled {
	n := 60 + random.IntN(61)
	spread := 0.003 + 0.017*random.Float64()
	s := labelled{kind: kind, noise: noise, values: make([]float64, n)}
	level := make([]float64, n)
	wider := func(int) float64 { return 1 }
	place := func(margin int) int { return margin + random.IntN(n-2*margin+1) }
	switch kind {
	case "outliers":
		for range 1 + n/25 {
			level[random.IntN(n)] += change(random, 0.05, 0.3)
		}
	case "variance":
		at := place(10)
		wider = func(i int) float64 { return map[bool]float64{true: 3, false: 1}[i >= at] }
	case "step":
		s.step(level, place(5), change(random, 0.03, 0.1))
	case "steps":
		for part := range 3 {
			s.step(level, n*(part+1)/4+random.IntN(n/8)-n/16, change(random, 0.03, 0.1))
		}
	case "undone":
		at, size := place(20), change(random, 0.03, 0.1)
		s.step(level, at, size)
		s.step(level, at+5+random.IntN(11), -size)
	case "ramp":
		length, size := 10+random.IntN(21), change(random, 0.05, 0.12)
		at := place(length)
		for i := at; i < n; i++ {
			level[i] += size * min(1, float64(i-at+1)/float64(length))
		}
		s.labels = append(s.labels, label{at, at + length - 1, true})
	}
	before := 0.0
	for i := range s.values {
		before = night(random, noise, before)
		s.values[i] = 50e3 * math.Exp(level[i]+spread*wider(i)*before)
	}
	return s
}

func (s *labelled) step(level []float64, at int, size float64) {
	for i := at; i < len(level); i++ {
		level[i] += size
	}
	s.labels = append(s.labels, label{at, at, false})
}

// change is a log of either sign.
func change(random *rand.Rand, least, most float64) float64 {
	size := math.Log1p(least + (most-least)*random.Float64())
	if random.IntN(2) == 0 {
		return -size
	}
	return size
}

func night(random *rand.Rand, noise string, before float64) float64 {
	switch noise {
	case "skewed":
		return random.ExpFloat64() - 1
	case "correlated":
		return 0.3*before + math.Sqrt(1-0.3*0.3)*random.NormFloat64()
	}
	return random.NormFloat64()
}

// score counts what a detector found.
type score struct {
	found, right  int // Change points, and those at a label.
	labels, seen  int // Labels, and those found.
	series, clean int // Series without a label, and those without a find.
	distances     []int
}

// add compares the finds in a series with its labels: each find takes one label, the
// nearest that is free; only one that is gradual may be found several times.
func (r *score) add(s labelled, found []int) {
	taken := make([]bool, len(s.labels))
	for _, at := range found {
		best, distance := -1, near+1
		for i, l := range s.labels {
			if away := max(l.from-at, at-l.to, 0); away < distance && (!taken[i] || l.gradual) {
				best, distance = i, away
			}
		}
		if best < 0 {
			continue
		}
		taken[best] = true
		r.right++
		r.distances = append(r.distances, distance)
	}
	r.found += len(found)
	r.labels += len(s.labels)
	for _, is := range taken {
		if is {
			r.seen++
		}
	}
	if len(s.labels) == 0 {
		r.series++
		if len(found) == 0 {
			r.clean++
		}
	}
}

func (r *score) precision() float64 { return float64(r.right) / float64(r.found) }

func (r *score) recall() float64 { return float64(r.seen) / float64(r.labels) }

// As `testbed history check` has them, of times and of counted instructions.
var (
	times  = Options{MinChange: 0.02}
	counts = Options{MinChange: 0.005, MinSegment: 1}
)

// detector finds changes in a series.
type detector struct {
	name string
	find func(values []float64) []int
}

// ours is what `testbed history check` does.
func ours(o Options) detector {
	return detector{fmt.Sprintf("ours, p ≤ %v, at least %v%%", o.filled().MaxP, 100*o.MinChange), func(values []float64) (places []int) {
		found, err := Detect(values, o)
		if err != nil {
			panic(err)
		}
		for _, p := range found {
			places = append(places, p.Index)
		}
		return places
	}}
}

// threshold compares each night with the mean of the seven before it; nights in a row
// that are off are one find, at the first.
func threshold(limit float64) detector {
	return detector{fmt.Sprintf("threshold: %v%% off the mean of 7 nights", 100*limit), func(values []float64) (places []int) {
		off := false
		for i := 7; i < len(values); i++ {
			mean := 0.0
			for _, v := range values[i-7 : i] {
				mean += v / 7
			}
			is := math.Abs(math.Log(values[i]/mean)) > math.Log1p(limit)
			if is && !off {
				places = append(places, i)
			}
			off = is
		}
		return places
	}}
}

// sliding compares the ten nights from each one on with the ten before by Student's
// test; places in a row that are significant are one find, where p is least.
func sliding(level float64) detector {
	return detector{fmt.Sprintf("t-test: 10 nights against 10, p ≤ %v", level), func(values []float64) (places []int) {
		best := 1.0
		for i := 10; i+10 <= len(values); i++ {
			p := student(values[i-10:i], values[i:i+10]).P(0)
			switch {
			case p > level:
				best = 1
			case best == 1:
				places, best = append(places, i), p
			case p < best:
				places[len(places)-1], best = i, p
			}
		}
		return places
	}}
}

// judged is how a detector does on series, of each kind and of all.
func judged(d detector, all []labelled) (kinds map[string]*score, total *score) {
	kinds, total = map[string]*score{}, &score{}
	for _, s := range all {
		if kinds[s.kind] == nil {
			kinds[s.kind] = &score{}
		}
		found := d.find(s.values)
		slices.Sort(found)
		kinds[s.kind].add(s, found)
		total.add(s, found)
	}
	return kinds, total
}
