package changepoint

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Seeds. The defaults were chosen on series of seed 1, which nothing here uses; what is
// asserted and published is of others.
const (
	seedReduced   = 2
	seedPublished = 5
)

// detectors are ours, and what it has to be better than.
func detectors() []detector {
	return []detector{ours(times), sliding(0.001), sliding(0.05), threshold(0.05), threshold(0.02)}
}

func TestPrecisionAndRecall(t *testing.T) {
	all := makeLabelled(seedReduced, 12)
	var others []*score
	for _, d := range detectors()[1:] {
		_, s := judged(d, all)
		others = append(others, s)
	}
	byKind, s := judged(detectors()[0], all)
	t.Logf("precision %.3f, recall %.3f of %d series", s.precision(), s.recall(), len(all))
	require.Greater(t, s.precision(), 0.93)
	require.Greater(t, s.recall(), 0.93)
	for _, o := range others {
		require.Greater(t, s.precision(), o.precision())
		require.Greater(t, min(s.precision(), s.recall()), min(o.precision(), o.recall())+0.03)
	}
	require.GreaterOrEqual(t, float64(byKind["nothing"].clean), 0.95*float64(byKind["nothing"].series))
	require.GreaterOrEqual(t, float64(byKind["outliers"].clean), 0.95*float64(byKind["outliers"].series))
}

// alarms counts series without a change in which any of the checks after each night
// would have found one.
func alarms(random *rand.Rand, noise string, series int, o Options) (count int) {
	d := ours(o)
	for range series {
		s := draw(random, "nothing", noise)
		for n := o.Needed(); n <= len(s.values); n++ {
			if len(d.find(s.values[:n])) > 0 {
				count++
				break
			}
		}
	}
	return count
}

// delay is how many nights of a new level a check needs until it finds it; 30 where it
// takes longer.
func delay(random *rand.Rand, spread, size float64, o Options) int {
	const before, most = 40, 30
	values := make([]float64, before+most)
	for i := range values {
		values[i] = 1 + spread*random.NormFloat64()
		if i >= before {
			values[i] *= 1 + size
		}
	}
	d := ours(o)
	for nights := 1; nights < most; nights++ {
		for _, at := range d.find(values[:before+nights]) {
			if at >= before-near {
				return nights
			}
		}
	}
	return most
}

func TestChecksAfterEachNight(t *testing.T) {
	random := rand.New(rand.NewPCG(seedReduced, 1))
	require.LessOrEqual(t, alarms(random, "normal", 40, times), 2)
	var nights []int
	for range 20 {
		nights = append(nights, delay(random, 0.005, 0.03, times))
	}
	slices.Sort(nights)
	require.GreaterOrEqual(t, nights[0], DefaultMinSegment)
	require.LessOrEqual(t, nights[15], 6)
	require.Equal(t, 1, delay(random, seeds, 0.01, counts), "a count that differs is a change")
}

// seeds is by how much a fresh seed moves a count.
const seeds = 0.0005

// The full form, which scripts/proofs/changepoints.sh asks for.
func TestPublish(t *testing.T) {
	path := os.Getenv("TESTBED_CHANGEPOINTS_PAGE")
	if path == "" {
		t.Skip("TESTBED_CHANGEPOINTS_PAGE names no page; make prove PROOF=changepoints does")
	}
	var page strings.Builder
	publishLabelled(t, &page)
	publishNights(t, &page)
	require.NoError(t, os.WriteFile(path, []byte(page.String()), 0o644))
}

func publishLabelled(t *testing.T, page *strings.Builder) {
	all := makeLabelled(seedPublished, 40)
	require.GreaterOrEqual(t, len(all), 500)
	fmt.Fprintf(page, "## Precision and recall\n\n%d series, %d of each kind (%s) in each noise (%s), seed %d.\n\n", len(all), 40, strings.Join(kinds, ", "), strings.Join(noises, ", "), seedPublished)
	page.WriteString("| detector | precision | recall | found of labels | found where none is | series without a change left alone | nights off, median |\n| :-- | --: | --: | --: | --: | --: | --: |\n")
	byDetector := map[string]map[string]*score{}
	for i, d := range detectors() {
		byKind, s := judged(d, all)
		byDetector[d.name] = byKind
		slices.Sort(s.distances)
		fmt.Fprintf(page, "| %s | %.3f | %.3f | %d of %d | %d | %d of %d | %d |\n", d.name, s.precision(), s.recall(), s.seen, s.labels, s.found-s.right, s.clean, s.series, s.distances[len(s.distances)/2])
		if i == 0 {
			require.Greater(t, s.precision(), 0.95)
			require.Greater(t, s.recall(), 0.95)
		}
	}
	page.WriteString("\nBy kind: precision / recall; of kinds without a change the share of series left alone.\n\n| detector | " + strings.Join(kinds, " | ") + " |\n| :-- |" + strings.Repeat(" --: |", len(kinds)) + "\n")
	for _, d := range detectors() {
		page.WriteString("| " + d.name)
		for _, kind := range kinds {
			s := byDetector[d.name][kind]
			if s.labels == 0 {
				fmt.Fprintf(page, " | %.2f", float64(s.clean)/float64(s.series))
			} else {
				fmt.Fprintf(page, " | %.2f / %.2f", s.precision(), s.recall())
			}
		}
		page.WriteString(" |\n")
	}
}

func publishNights(t *testing.T, page *strings.Builder) {
	const series = 200
	random := rand.New(rand.NewPCG(seedPublished, 2))
	fmt.Fprintf(page, "\n## A check after each night\n\nSeries of 60 to 120 nights without a change, checked after each: those of %d in which any check finds one.\n\n| noise | least change 2%% |\n| :-- | --: |\n", series)
	for _, noise := range noises {
		found := alarms(random, noise, series, times)
		fmt.Fprintf(page, "| %s | %d |\n", noise, found)
		if noise == "normal" {
			require.LessOrEqual(t, found, series/50)
		}
	}
	page.WriteString("\nNights of a new level, after 40 of the old one, until a check finds it: median, and nine of ten (30: not by then).\n\n| nights scatter by | 3% more | 5% more | 10% more |\n| --: | --: | --: | --: |\n")
	for _, spread := range []float64{0.005, 0.01, 0.02} {
		row := "| " + strconv.FormatFloat(100*spread, 'g', 3, 64) + "%"
		for _, size := range []float64{0.03, 0.05, 0.1} {
			var nights []int
			for range series {
				nights = append(nights, delay(random, spread, size, times))
			}
			slices.Sort(nights)
			row += fmt.Sprintf(" | %d, %d", nights[series/2], nights[series*9/10])
		}
		page.WriteString(row + " |\n")
	}
	first, found := 0, 0
	for range series {
		if delay(random, seeds, 0.01, counts) == 1 {
			first++
		}
		values := make([]float64, 100)
		for i := range values {
			values[i] = 31e3 * (1 + seeds*random.NormFloat64())
		}
		found += min(1, len(ours(counts).find(values)))
	}
	fmt.Fprintf(page, "\nMade-up counts that scatter by 0.05%% from night to night, least change 0.5%%, levels of one night: a change of 1%% was found on its first night in %d of %d series; in %d of %d series of 100 nights without a change one was found.\n", first, series, found, series)
	require.GreaterOrEqual(t, first, series*95/100)
	require.Zero(t, found)
}
