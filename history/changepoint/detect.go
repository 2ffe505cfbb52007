package changepoint

import (
	"fmt"
	"math"
	"slices"
)

// Options say what counts as a change. The zero value takes the defaults.
type Options struct {
	// Window is how many values are looked at together; a change that lasts is found
	// in any, one that is undone soon only in a window that is not too long for it.
	// 0: [DefaultWindow]. At least two levels fit in.
	Window int
	// MinSegment is the least number of values of a level. 0: [DefaultMinSegment].
	MinSegment int
	// MaxP is the largest p of a change, corrected as [Point.P] is. 0: [DefaultMaxP].
	MaxP float64
	// MinChange is the least relative change, such as 0.02: a level that is 1.02 times
	// the one before, or the one before 1.02 times it. 0: any.
	MinChange float64
}

// Defaults of [Options]. They were chosen on series of other seeds than those of
// docs/proofs/changepoints.md.
const (
	DefaultWindow     = 50 // As Otava's.
	DefaultMinSegment = 3
	DefaultMaxP       = 0.001
)

// weaker is by how much the first pass is more lenient than MaxP, as Hunter's is: a
// change between two others looks weak until those are known.
const weaker = 10

// Point is a change of level.
type Point struct {
	Index         int     // Of the first value of the new level.
	Before, After float64 // Levels on both sides, as far as the next change: geometric means.
	// P is the probability that Student's t between the two levels is as far from 0
	// without any change, times the number of places at which it could have been found.
	P float64
}

// Change is the relative change: 0.02 is 2% more.
func (p Point) Change() float64 { return p.After/p.Before - 1 }

// size is the distance of the levels, the same for twice as much as for half as much.
func (p Point) size() float64 { return math.Abs(math.Log(p.After / p.Before)) }

// Needed is how many values a series has at least if a change can be found in it: two
// levels, and one value more than two, or there is no variance.
func (o Options) Needed() int { return max(3, 2*o.filled().MinSegment) }

// Detect finds the changes of a series, in its order; none in one that is too short.
// Values are positive and finite, or an error names the first that is not. Levels are
// compared by their logs, so a change is a ratio.
func Detect(values []float64, o Options) ([]Point, error) {
	o = o.filled()
	if err := o.check(); err != nil {
		return nil, err
	}
	logs := make([]float64, len(values))
	for i, v := range values {
		if !(v > 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("value %d of the series is %v: it has to be positive and finite", i+1, v)
		}
		logs[i] = math.Log(v) - math.Log(values[0]) // Exactly 0 along a constant series.
	}
	if len(values) < o.Needed() {
		return nil, nil
	}
	found := merge(logs, candidates(logs, o), o)
	for i := range found {
		found[i].Before, found[i].After = found[i].Before*values[0], found[i].After*values[0]
	}
	return found, nil
}

func (o Options) filled() Options {
	if o.Window == 0 {
		o.Window = DefaultWindow
	}
	if o.MinSegment == 0 {
		o.MinSegment = DefaultMinSegment
	}
	if o.MaxP == 0 {
		o.MaxP = DefaultMaxP
	}
	return o
}

func (o Options) check() error {
	switch {
	case o.MinSegment < 1:
		return fmt.Errorf("a level of at least %d values is none", o.MinSegment)
	case o.Window < 2*o.MinSegment:
		return fmt.Errorf("a window of %d values does not hold two levels of %d", o.Window, o.MinSegment)
	case !(o.MaxP > 0 && o.MaxP < 1):
		return fmt.Errorf("a largest p of %v is not between 0 and 1", o.MaxP)
	case !(o.MinChange >= 0) || math.IsInf(o.MinChange, 0):
		return fmt.Errorf("a least change of %v is no share", o.MinChange)
	}
	return nil
}

// candidates are the places that pass the weak test in any window, ascending.
func candidates(logs []float64, o Options) []int {
	var places []int
	for _, start := range windows(len(logs), o.Window) {
		end := min(start+o.Window, len(logs))
		for _, at := range divide(logs[start:end], o) {
			places = append(places, start+at)
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// windows are the starts of windows that overlap by half, laid from both ends, so that
// neither end of the series is special.
func windows(n, length int) []int {
	if n <= length {
		return []int{0}
	}
	var starts []int
	for start := 0; start+length <= n; start += length / 2 {
		starts = append(starts, start, n-length-start)
	}
	slices.Sort(starts)
	return slices.Compact(starts)
}
