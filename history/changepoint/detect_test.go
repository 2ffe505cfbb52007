package changepoint

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnergyByHand(t *testing.T) {
	d := newDistances([]float64{1, 2, 4, 6})
	require.Equal(t, 1.0, d.within(0, 2))
	require.Equal(t, 2.0, d.within(2, 4))
	require.Equal(t, 17.0, d.within(0, 4), "1+3+5+2+4+2")
	// 2·2/4 · (2/4·(3+5+2+4) - 1/1 - 2/1).
	require.InDelta(t, 4, d.energy(0, 2, 4), 1e-12)
	// 1·3/4 · (2/3·(1+3+5) - 0 - (2+4+2)/3).
	require.InDelta(t, 2.5, d.energy(0, 1, 4), 1e-12)
	// The last value aside: 2·1/3 · (2/2·(3+2) - 1).
	require.InDelta(t, 8.0/3, d.energy(0, 2, 3), 1e-12)
}

// Equal values, a change at once: without κ, or with it, the same cut is the best.
func TestBestCut(t *testing.T) {
	c, energy := newDistances([]float64{0, 0, 0, 1, 1, 1, 1}).best(0, 7, 2)
	require.Equal(t, cut{0, 3, 7}, c)
	require.InDelta(t, 3.0*4/7*2, energy, 1e-12)
	c, _ = newDistances([]float64{0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0}).best(0, 14, 2)
	require.Equal(t, cut{0, 6, 8}, c, "one that is undone is cut where it is")
	_, energy = newDistances(make([]float64, 9)).best(0, 9, 2)
	require.Zero(t, energy, "exactly: rounding is no change")
}

// Student's t of 1, 2, 3 against 4, 6, 8 is 4/√(10/4·2/3); with four degrees of freedom
// p = 1 - √(1-x)·(1+x/2), x = 4/(4+t²).
func TestStudentByHand(t *testing.T) {
	s := student([]float64{1, 2, 3}, []float64{4, 6, 8})
	tt := 4 / math.Sqrt(10.0/4*2/3)
	x := 4 / (4 + tt*tt)
	require.Equal(t, 4.0, s.Freedom)
	require.InDelta(t, tt, s.Value/s.Error, 1e-12)
	require.InDelta(t, 1-math.Sqrt(1-x)*(1+x/2), s.P(0), 1e-12)
	one := Options{MinSegment: 1}.filled()
	require.Equal(t, 1.0, between([]float64{1, 2, 3, 4, 6, 8}, cut{0, 3, 6}, one).P, "Welch's p, with 2.94 degrees of freedom, is 0.055")
	require.Equal(t, 1.0, between([]float64{1, 2}, cut{0, 1, 2}, one).P, "two values have no variance")
	// Of 1, 2, 3 against 6, 8, 10 t is 6/√(10/4·2/3), and there are 6 values, levels of
	// one at least, so 5 places.
	s = student([]float64{1, 2, 3}, []float64{6, 8, 10})
	require.InDelta(t, 1.5*tt, s.Value/s.Error, 1e-12)
	require.InDelta(t, 5*s.P(0), between([]float64{1, 2, 3, 6, 8, 10}, cut{0, 3, 6}, one).P, 1e-12)
}

func TestDetect(t *testing.T) {
	flat := func(n int, level float64) (values []float64) { // Alternates by 0.2%.
		for i := range n {
			values = append(values, level*(1+0.001*float64(i%2*2-1)))
		}
		return values
	}
	up := slices.Concat(flat(12, 100), flat(12, 105))
	for _, c := range []struct {
		name    string
		values  []float64
		options Options
		want    []int
	}{
		{"nothing", flat(30, 100), Options{}, nil},
		{"up", up, Options{}, []int{12}},
		{"too small", up, Options{MinChange: 0.06}, nil},
		{"large enough, either way", slices.Concat(flat(12, 105), flat(12, 100)), Options{MinChange: 0.049}, []int{12}},
		{"down and up again", slices.Concat(flat(12, 100), flat(6, 90), flat(12, 100)), Options{}, []int{12, 18}},
		{"three nights of it", slices.Concat(flat(12, 100), flat(3, 110)), Options{}, []int{12}},
		{"two nights of it", slices.Concat(flat(12, 100), flat(2, 110)), Options{}, nil},
		{"two nights, where two do", slices.Concat(flat(12, 100), flat(2, 110)), Options{MinSegment: 2}, []int{12}},
		{"an outlier", slices.Concat(flat(12, 100), flat(1, 150), flat(12, 100)), Options{}, nil},
		{"at the end of many windows", slices.Concat(flat(300, 100), flat(4, 110)), Options{}, []int{300}},
		{"at the start of many windows", slices.Concat(flat(4, 110), flat(300, 100)), Options{}, []int{4}},
		{"too short", flat(5, 100), Options{}, nil},
		{"no values", nil, Options{}, nil},
		{"counts that agree to the last digit", slices.Repeat([]float64{31234}, 40), Options{MinSegment: 1}, nil},
		{"a count that changed last night", slices.Concat(slices.Repeat([]float64{31234}, 9), []float64{31300}), Options{MinSegment: 1}, []int{9}},
		{"the same, too small", slices.Concat(slices.Repeat([]float64{31234}, 9), []float64{31300}), Options{MinSegment: 1, MinChange: 0.01}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := Detect(c.values, c.options)
			require.NoError(t, err)
			require.Equal(t, c.want, placesOf(found))
		})
	}
	found, err := Detect(up, Options{})
	require.NoError(t, err)
	require.InDelta(t, 0.05, found[0].Change(), 1e-9)
	require.InDelta(t, 100, found[0].Before, 1e-3)
	require.InDelta(t, 105, found[0].After, 1e-3)
	require.Less(t, found[0].P, 1e-20)
}

func placesOf(found []Point) (places []int) {
	for _, p := range found {
		places = append(places, p.Index)
	}
	return places
}

func TestDetectRefuses(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, -1} {
		_, err := Detect([]float64{1, bad, 2}, Options{})
		require.ErrorContains(t, err, "value 2 of the series")
	}
	for text, o := range map[string]Options{
		"a level of at least -1 values is none":                   {MinSegment: -1},
		"a window of 5 values does not hold two levels of 3":      {Window: 5},
		"a largest p of 1 is not between 0 and 1":                 {MaxP: 1},
		"a largest p of NaN is not between 0 and 1":               {MaxP: math.NaN()},
		"a least change of -0.1 is no share":                      {MinChange: -0.1},
		"a window of 50 values does not hold two levels of 10000": {MinSegment: 10000},
		"a least change of +Inf is no share":                      {MinChange: math.Inf(1)},
		"a level of at least -9223372036854775808 values is none": {MinSegment: math.MinInt},
	} {
		_, err := Detect([]float64{1, 2, 3, 4, 5, 6}, o)
		require.EqualError(t, err, text)
	}
}

func TestWindowsLookTheSameFromBothEnds(t *testing.T) {
	require.Equal(t, []int{0}, windows(50, 50))
	require.Equal(t, []int{0, 1}, windows(51, 50))
	require.Equal(t, []int{0, 3, 25, 28, 50, 53}, windows(103, 50))
	require.Equal(t, []int{0, 1, 3, 4}, windows(10, 6))
	require.Equal(t, []int{0, 1, 2, 3, 4, 5}, windows(8, 3), "half of a window, rounded down")
}

// Values multiplied by a constant have the same changes, and values in reverse have
// them in reverse.
func TestInvariance(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	changes := 0
	for _, s := range makeLabelled(3, 4) {
		o := Options{MinChange: 0.02, MinSegment: 1 + random.IntN(4)}
		want, err := Detect(s.values, o)
		require.NoError(t, err)
		changes += len(want)
		by := math.Exp(20 * random.NormFloat64())
		scaled := slices.Clone(s.values)
		for i := range scaled {
			scaled[i] *= by
		}
		got, err := Detect(scaled, o)
		require.NoError(t, err)
		require.Equal(t, placesOf(want), placesOf(got), "times %v", by)
		for i := range want {
			require.InEpsilon(t, want[i].After*by, got[i].After, 1e-9)
			require.InDelta(t, want[i].P, got[i].P, 1e-6)
		}
		slices.Reverse(scaled)
		got, err = Detect(scaled, o)
		require.NoError(t, err)
		slices.Reverse(got)
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, len(s.values)-want[i].Index, got[i].Index, "%s, %s", s.kind, s.noise)
			require.InEpsilon(t, want[i].Before, got[i].After/by, 1e-9)
		}
	}
	require.Greater(t, changes, 50, "or nothing was compared")
}

// FuzzDetect: whatever the values, change points are in order, as far apart as levels
// are long, and as strong and large as was asked for.
func FuzzDetect(f *testing.F) {
	f.Add([]byte{10, 10, 10, 10, 20, 20, 20, 20}, uint8(3), 0.02)
	f.Add([]byte{1, 2, 1, 2, 1, 255, 1, 2, 9, 8, 9, 8, 9, 8}, uint8(1), 0.0)
	f.Add(slices.Concat(slices.Repeat([]byte{7}, 70), slices.Repeat([]byte{8}, 70)), uint8(2), 0.1)
	f.Fuzz(func(t *testing.T, raw []byte, least uint8, change float64) {
		if len(raw) > 400 {
			return
		}
		values := make([]float64, len(raw))
		for i, b := range raw {
			values[i] = 1 + float64(b)/7
		}
		o := Options{MinSegment: int(least%6) + 1, MinChange: change}
		found, err := Detect(values, o)
		if err != nil {
			require.True(t, !(change >= 0) || math.IsInf(change, 0), "%v", err)
			return
		}
		o = o.filled()
		before := 0
		for _, p := range found {
			require.GreaterOrEqual(t, p.Index-before, o.MinSegment)
			require.LessOrEqual(t, p.P, o.MaxP)
			require.GreaterOrEqual(t, p.size(), math.Log1p(change)*(1-1e-9))
			before = p.Index
		}
		if len(found) > 0 {
			require.GreaterOrEqual(t, len(values)-before, o.MinSegment)
		}
		if len(slices.Compact(slices.Clone(values))) == 1 {
			require.Empty(t, found, "a constant series")
		}
	})
}
