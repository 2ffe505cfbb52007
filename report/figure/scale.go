package figure

import (
	"math"
	"strconv"
	"strings"
)

// Scale maps values to a share of an axis, from 0 to 1.
type Scale struct {
	Lo, Hi float64
	Log    bool
}

// logFrom is the range from which a linear axis would hide the small values.
const logFrom = 5

// NewScale spans the values from lo to hi, both positive, on a logarithmic axis
// where they differ by more than a factor of five.
func NewScale(lo, hi float64) Scale {
	if !(lo > 0) {
		lo = 1
	}
	if !(hi > lo) || math.IsInf(hi, 0) {
		hi = lo * 1.01
	}
	return Scale{Lo: lo, Hi: hi, Log: hi/lo > logFrom}
}

// At is where a value lies; outside of the axis it is below 0 or above 1.
func (s Scale) At(v float64) float64 {
	if s.Log {
		return math.Log(v/s.Lo) / math.Log(s.Hi/s.Lo)
	}
	return (v - s.Lo) / (s.Hi - s.Lo)
}

// Ticks are round values within the axis, at most about so many.
func (s Scale) Ticks(most int) []float64 {
	if s.Log {
		return s.logTicks(most)
	}
	step := niceStep((s.Hi - s.Lo) / float64(most))
	ticks := []float64{}
	for i := math.Ceil(s.Lo/step - 1e-9); i*step <= s.Hi*(1+1e-12); i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}

// niceStep is the next 1, 2 or 5 times a power of ten.
func niceStep(rough float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, nice := range []float64{1, 2, 5} {
		if rough <= nice*power*(1+1e-9) {
			return nice * power
		}
	}
	return 10 * power
}

func (s Scale) logTicks(most int) []float64 {
	for _, steps := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		ticks := []float64{}
		for power := math.Floor(math.Log10(s.Lo)); power <= math.Log10(s.Hi); power++ {
			for _, step := range steps {
				if v := step * math.Pow(10, power); v >= s.Lo && v <= s.Hi {
					ticks = append(ticks, v)
				}
			}
		}
		if len(ticks) <= most+1 {
			return ticks
		}
	}
	return []float64{s.Lo, s.Hi}
}

// tickText writes a tick without a trail of zeros.
func tickText(v float64) string {
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// at writes a coordinate.
func at(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}
