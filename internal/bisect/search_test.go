package bisect

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSearch tries every row of up to 9 versions, every place of the first bad one, and
// every set of versions that cannot be measured.
func TestSearch(t *testing.T) {
	for n := 2; n <= 9; n++ {
		for first := 1; first < n; first++ {
			for skips := range 1 << (n - 2) {
				search(t, n, first, func(i int) bool { return skips>>(i-1)&1 == 1 })
			}
		}
	}
}

func search(t *testing.T, n, first int, skipped func(int) bool) {
	s, judged := NewSearch(n), map[int]bool{}
	none := true
	for i := 1; i < n-1; i++ {
		none = none && !skipped(i)
	}
	atMost := s.Steps()
	for i, more := s.Next(); more; i, more = s.Next() {
		require.False(t, judged[i], "none twice")
		require.True(t, i > 0 && i < n-1)
		judged[i] = true
		left := s.Steps()
		switch {
		case skipped(i):
			s.Set(i, Skipped)
		case i >= first:
			s.Set(i, Bad)
		default:
			s.Set(i, Good)
		}
		if none {
			require.Less(t, s.Steps(), left)
		}
	}
	require.Zero(t, s.Steps())
	good, bad := s.Suspects()
	require.Less(t, good, first)
	require.GreaterOrEqual(t, bad, first)
	for i := good + 1; i < bad; i++ {
		require.True(t, skipped(i), "what lies between was skipped")
	}
	if none {
		require.Equal(t, first, bad)
		require.LessOrEqual(t, len(judged), atMost)
	}
}

func TestSearchHalves(t *testing.T) {
	s := NewSearch(33)
	require.Equal(t, 5, s.Steps())
	i, _ := s.Next()
	require.Equal(t, 16, i)
	s.Set(16, Skipped)
	i, _ = s.Next()
	require.Equal(t, 17, i, "the nearest to the middle")
	s.Set(17, Bad)
	i, _ = s.Next()
	require.Equal(t, 8, i)
}

// profile is what a version counts, by function.
type profile []float64

func total(p profile) (sum float64) {
	for _, v := range p {
		sum += v
	}
	return sum
}

// turnover is a Bound of Largest's, as long as no function goes back and forth: no step
// between two versions is larger than what their functions differ by.
func turnover(a, b profile) (sum float64) {
	for i := range a {
		sum += math.Abs(a[i] - b[i])
	}
	return sum
}

// TestLargest finds the largest step wherever it is, also where others hide it in the
// sum, and measures less than everything where little else changes.
func TestLargest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 2 + random.IntN(30)
		row := make([]profile, n)
		row[0] = profile{1000, 1000, 1000, 1000}
		for i := 1; i < n; i++ {
			row[i] = append(profile{}, row[i-1]...)
			if random.IntN(3) == 0 { // Each function keeps its direction.
				f := random.IntN(4)
				row[i][f] += float64([]int{1, -1, 1, -1}[f]) * random.Float64() * 100
			}
		}
		size := func(a, b int) float64 { return math.Abs(total(row[b]) - total(row[a])) }
		want := 0.0
		for i := 1; i < n; i++ {
			want = max(want, size(i-1, i))
		}
		l := NewLargest(n, size, func(a, b int) float64 { return turnover(row[a], row[b]) })
		measured := map[int]bool{}
		for i, more := l.Next(); more; i, more = l.Next() {
			require.False(t, measured[i])
			require.Positive(t, l.Steps())
			measured[i] = true
			l.Measured(i)
		}
		require.Zero(t, l.Steps())
		from, to := l.Answer()
		require.InDelta(t, want, size(from, to), 1e-9)
		require.Less(t, from, to)
	}
}

// TestLargestHidden: two changes that cancel in the sum are found by their functions, and
// a stretch in which nothing happens is left alone.
func TestLargestHidden(t *testing.T) {
	row := make([]profile, 64)
	for i := range row {
		row[i] = profile{500, 500}
		if i >= 20 {
			row[i][0] += 100
		}
		if i >= 40 {
			row[i][1] -= 101
		}
	}
	l := NewLargest(64, func(a, b int) float64 { return math.Abs(total(row[b]) - total(row[a])) },
		func(a, b int) float64 { return turnover(row[a], row[b]) })
	n := 0
	for i, more := l.Next(); more; i, more = l.Next() {
		l.Measured(i)
		n++
	}
	from, to := l.Answer()
	require.Equal(t, []int{39, 40}, []int{from, to})
	require.LessOrEqual(t, n, 12)
}

// TestLargestSkips names the stretch that is left.
func TestLargestSkips(t *testing.T) {
	size := func(a, b int) float64 {
		if a < 5 && b >= 5 {
			return 10
		}
		return 0
	}
	l := NewLargest(9, size, size)
	for i, more := l.Next(); more; i, more = l.Next() {
		if i == 4 || i == 5 {
			l.Skip(i)
			continue
		}
		l.Measured(i)
	}
	from, to := l.Answer()
	require.Equal(t, []int{3, 6}, []int{from, to})
}
