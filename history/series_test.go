package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// kept is what the store has of a result.
func kept(t testing.TB, r testbed.Result) Result {
	t.Helper()
	one, err := newResult(r)
	require.NoError(t, err)
	one.ID = r.Started.String() + r.Backend
	return one
}

func TestSeriesOf(t *testing.T) {
	var results []Result
	for n := range 4 {
		results = append(results, kept(t, night(3-n, 1.2))) // Added in any order.
	}
	series := SeriesOf(results)
	var names []string
	for _, s := range series {
		names = append(names, s.Mode+" "+s.Metric)
		require.Len(t, s.Points, 4)
		require.True(t, s.Latest)
		for n, p := range s.Points {
			require.Equal(t, began.AddDate(0, 0, n), p.Started)
		}
	}
	require.Equal(t, []string{"docker0 ratio", "docker0 p50", "host p50"}, names)

	again := SeriesOf(results[:2])
	require.Equal(t, series[0].ID, again[0].ID, "an ID does not depend on how many there are")
}

// What is not comparable is another series, and what may change from night to night is not.
func TestSeriesAreOfOneKind(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *testbed.Result)
		series int
	}{
		"nothing":    {func(*testbed.Result) {}, 3},
		"kernel":     {func(r *testbed.Result) { r.Environment.Machines[0].Facts["kernel_release"] = "7.3" }, 3},
		"lab's text": {func(r *testbed.Result) { r.LabDigest = "d2" }, 3},
		"seed":       {func(r *testbed.Result) { r.Seed = 5 }, 3},
		"CPU":        {func(r *testbed.Result) { r.Environment.Host["cpu_model"] = "Xeon" }, 6},
		"host":       {func(r *testbed.Result) { r.Environment.Node = "bergen" }, 6},
		"backend":    {func(r *testbed.Result) { r.Backend = "libvirt" }, 6},
		"QEMU":       {func(r *testbed.Result) { r.Environment.Host["qemu"] = "10.0.2" }, 6},
		"lab":        {func(r *testbed.Result) { r.Lab = "other" }, 6},
		"size":       {func(r *testbed.Result) { r.Tests[0].Request = 1000 }, 6},
		"cell":       {func(r *testbed.Result) { r.Tests[0].Cell = map[string]string{"kernel": "a"} }, 6},
		"unit": {func(r *testbed.Result) {
			r.Tests[0].Unit = testbed.UnitInstructions
			r.Backend = "icount"
		}, 5},
	} {
		other := night(1, 1.2)
		c.change(&other)
		require.Len(t, SeriesOf([]Result{kept(t, night(0, 1.2)), kept(t, other)}), c.series, name)
	}
	older, newer := night(0, 1.2), night(1, 1.2)
	older.Environment.Host["qemu"], newer.Environment.Host["qemu"] = "10.0.2", "10.1.0"
	require.Len(t, SeriesOf([]Result{kept(t, older), kept(t, newer)}), 3, "of times the major version counts")
	for _, one := range []*testbed.Result{&older, &newer} {
		one.Backend, one.Environment.Host, one.Tests[0].Unit = "icount", nil, testbed.UnitInstructions
	}
	older.Environment.Node, newer.Environment.Node = "oslo", "bergen"
	require.Len(t, SeriesOf([]Result{kept(t, older), kept(t, newer)}), 2, "counts are of no host: host's and docker0's")
}

func TestOnly(t *testing.T) {
	var results []Result
	for n, node := range []string{"oslo", "oslo", "bergen", ""} {
		one := night(n, 1.2)
		one.Environment.Node = node
		results = append(results, kept(t, one))
	}
	results[1].Tests[0].Kernels = []string{"6.120.1-cloud", "7.3"}
	nights := func(o Only) (started []int) {
		for _, s := range SeriesOf(o.of(results)) {
			for _, p := range s.Points {
				if s.Mode == "docker0" && s.Metric == MetricRatio {
					started = append(started, p.Started.Day()-began.Day())
				}
			}
		}
		slices.Sort(started)
		return started
	}
	require.Equal(t, []int{0, 1, 2, 3}, nights(Only{}))
	require.Equal(t, []int{0, 1}, nights(Only{Host: "oslo"}))
	require.Equal(t, []int{0, 2, 3}, nights(Only{Kernel: "6.12"}), "which is no 6.120")
	require.Equal(t, []int{2}, nights(Only{Kernel: "6.12.2"}))
	require.Equal(t, []int{1}, nights(Only{Kernel: "7.3", Host: "oslo"}))
	require.Empty(t, nights(Only{Host: "osl"}))
	require.Len(t, results[0].Tests, 1, "what is stored stays")
}

func TestLatest(t *testing.T) {
	failed := night(1, 1.2)
	failed.Tests[0].Modes[1].Status = testbed.StatusFailed
	for _, s := range SeriesOf([]Result{kept(t, night(0, 1.2)), kept(t, failed)}) {
		require.Equal(t, s.Mode == "host", s.Latest, s.Mode)
	}
}

// seriesOf is one of values, a night each.
func seriesOf(unit string, values ...float64) Series {
	s := Series{ID: "s", Unit: unit}
	for n, v := range values {
		s.Points = append(s.Points, Point{Result: fmt.Sprint(n), Started: began.AddDate(0, 0, n), Value: v})
	}
	return s
}

func TestJudge(t *testing.T) {
	flat := []float64{1.2, 1.202, 1.199, 1.201, 1.2, 1.198, 1.2, 1.201}
	slower := append(append([]float64{}, flat...), 1.26, 1.262, 1.258)
	s := seriesOf("", slower...)
	require.NoError(t, s.Judge(Judging{}, nil))
	require.Len(t, s.Changes, 1)
	c := s.Changes[0]
	require.Equal(t, 8, c.Index)
	require.Equal(t, "8", c.Result)
	require.InDelta(t, 0.05, c.Change, 0.001)
	require.True(t, c.Slower())
	require.True(t, c.New)
	large := 0.06
	require.NoError(t, s.Judge(Judging{MinChange: &large}, nil))
	require.Empty(t, s.Changes)

	s = seriesOf("", flat[:5]...)
	require.NoError(t, s.Judge(Judging{}, nil))
	require.True(t, s.TooShort)
	s = seriesOf("", flat...)
	require.NoError(t, s.Judge(Judging{}, nil))
	require.False(t, s.TooShort)

	// A count that differs last night, by more than a seed moves it.
	s = seriesOf(testbed.UnitInstructions, 31234, 31234, 31234, 31500)
	require.NoError(t, s.Judge(Judging{}, nil))
	require.Len(t, s.Changes, 1)
	s = seriesOf(testbed.UnitInstructions, 31234, 31234, 31234, 31250)
	require.NoError(t, s.Judge(Judging{}, nil))
	require.Empty(t, s.Changes)

	s = seriesOf("", 1, math.NaN())
	require.ErrorContains(t, s.Judge(Judging{}, nil), "value 2 of the series is NaN")
}

func TestMarkNew(t *testing.T) {
	s := seriesOf("", make([]float64, 60)...)
	change := func(at int, by float64) Change { return Change{Index: at, Result: fmt.Sprint(at), Change: by} }
	for name, c := range map[string]struct {
		changes []Change
		seen    []Seen
		new     []bool
		left    []string
	}{
		"none seen":            {[]Change{change(9, 0.1)}, nil, []bool{true}, []string{"9"}},
		"the same":             {[]Change{change(9, 0.1)}, []Seen{{Result: "9", Slower: true}}, []bool{false}, []string{"9"}},
		"moved":                {[]Change{change(14, 0.1)}, []Seen{{Result: "9", Slower: true}}, []bool{false}, []string{"14"}},
		"too far":              {[]Change{change(15, 0.1)}, []Seen{{Result: "9", Slower: true}}, []bool{true}, []string{"9", "15"}},
		"the other way":        {[]Change{change(9, -0.1)}, []Seen{{Result: "9", Slower: true}}, []bool{true}, []string{"9", "9"}},
		"one of two":           {[]Change{change(9, 0.1), change(12, 0.1)}, []Seen{{Result: "9", Slower: true}}, []bool{false, true}, []string{"9", "12"}},
		"of another store":     {[]Change{change(0, 0.1)}, []Seen{{Result: "nowhere", Slower: true}}, []bool{true}, []string{"nowhere", "0"}},
		"gone, and remembered": {nil, []Seen{{Result: "9", Slower: true}}, nil, []string{"9"}},
	} {
		s.Changes = c.changes
		s.markNew(c.seen)
		var isNew []bool
		var left []string
		for _, change := range s.Changes {
			isNew = append(isNew, change.New)
		}
		for _, seen := range s.seen {
			left = append(left, seen.Result)
		}
		require.Equal(t, c.new, isNew, name)
		require.Equal(t, c.left, left, name)
	}
}

func TestRemember(t *testing.T) {
	s := opened(t, t.TempDir(), Creating)
	one := seriesOf("", 1, 1, 1)
	one.Changes = []Change{{Index: 1, Result: "1", Change: -0.1}}
	one.markNew(nil)
	require.NoError(t, s.Remember([]Series{one, seriesOf("", 1)}))
	seen, err := s.Seen()
	require.NoError(t, err)
	require.Len(t, seen, 1)
	require.Equal(t, "1", seen["s"][0].Result)
	require.False(t, seen["s"][0].Slower)
}

// A check after each night fails once for a step, not each night after it.
func TestAChangeFailsOneCheck(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	fails := map[int]int{}
	for range 40 {
		var values []float64
		var seen []Seen
		failed := 0
		for n := range 80 {
			level := 1.2
			if n >= 40 {
				level = 1.26
			}
			values = append(values, level*(1+0.01*random.NormFloat64()))
			s := seriesOf("", values...)
			require.NoError(t, s.Judge(Judging{}, seen))
			seen = s.seen
			for _, c := range s.Changes {
				if c.New {
					failed++
				}
			}
		}
		fails[failed]++
	}
	require.Zero(t, fails[0], "%v", fails)
	require.GreaterOrEqual(t, fails[1], 36, "%v", fails)
}
