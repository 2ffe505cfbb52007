package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/report/stats/simulate"
	"github.com/testbed-lab/testbed/testbed"
)

// effectOf is the true ratio of the simulated mode.
const effectOf = 1.2

// Every interval that a report prints, at every number of rounds for which it
// prints one, in every world.
func TestIntervalsCover(t *testing.T) {
	rounds := []int{6, 7, 8, 10, 15, 20, 30}
	if proofPage != "" {
		rounds = []int{}
		for n := stats.MinRounds; n <= 30; n++ {
			rounds = append(rounds, n)
		}
		rounds = append(rounds, 40, 50, 100)
	}
	for _, w := range simulate.Worlds() {
		random := seeded(w.Name)
		w.Effect = math.Log(effectOf)
		g := grid{title: w.Name, columns: []string{"rounds", "ratio", "mode's own", "host's own", "added, a share", "added, a time", "noise floor"}}
		for _, n := range rounds {
			cells := make([]coverage, 6)
			for range effort(400, 2000) {
				coverOnce(random, w, n, cells)
			}
			g.add(t, fmt.Sprint(n), cells)
		}
		g.average(t)
		g.publish(t, "rounds")
	}
}

func coverOnce(random *rand.Rand, w simulate.World, n int, cells []coverage) {
	r := w.Draw(random, 1, n)
	t := trialOf(r, testbed.Test{}, 0, summary)
	mode := t.series[1]
	level := base * math.Exp(stats.PlainMean(r.Level).Value)
	cells[0].take(t.ratio(mode, t.host, p50), effectOf)
	cells[1].take(t.estimate(mode, p50), level*effectOf)
	cells[2].take(t.estimate(t.host, p50), level)
	sum := 0.0
	for _, l := range r.Level {
		sum += base * math.Exp(l)
	}
	cells[3].take(testbed.Estimate(t.added(mode, p50)), (effectOf-1)*sum/float64(n))
	for i := range r.Modes[0] {
		r.Modes[0][i] -= w.Effect
	}
	const constant = (effectOf - 1) * base
	timed := trialOf(r, testbed.Test{}, constant, summary)
	cells[4].take(testbed.Estimate(timed.added(timed.series[1], p50)), constant)
	cells[5].take(t.ratio(t.first(), t.second(), p50), 1)
}

// Several boots, each with an effect of its own half as large as the scatter of
// rounds; and the same rounds as if they were of one boot.
func TestBootsCover(t *testing.T) {
	for _, w := range simulate.Worlds() {
		random := seeded("boots " + w.Name)
		w.Effect, w.Boot = math.Log(effectOf), 0.005
		level := base * math.Exp((w.Drift+w.Step)/2)
		g := grid{title: w.Name, columns: []string{"boots of 5 rounds", "ratio", "mode's own", "host's own", "noise floor"}}
		for _, boots := range []int{3, 4, 5, 8, 12} {
			cells := make([]coverage, 4)
			for range effort(300, 3000) {
				t := trialOf(w.Draw(random, boots, 5), testbed.Test{}, 0, summary)
				cells[0].take(t.ratio(t.series[1], t.host, p50), effectOf)
				cells[1].take(t.estimate(t.series[1], p50), level*effectOf)
				cells[2].take(t.estimate(t.host, p50), level)
				cells[3].take(t.ratio(t.first(), t.second(), p50), 1)
			}
			g.add(t, fmt.Sprint(boots), cells)
		}
		g.average(t)
		g.publish(t, "boots")
	}
}

// What one boot says of the next: less than 95%, which is why its interval is
// said to be about that boot alone.
func TestOneBootSaysLittleOfTheNext(t *testing.T) {
	random, w := seeded("one boot"), simulate.Rough()
	w.Boot = 0.005
	one := coverage{}
	for range effort(1000, 5000) {
		t := trialOf(w.Draw(random, 1, 20), testbed.Test{}, 0, summary)
		one.take(t.ratio(t.series[1], t.host, p50), 1)
	}
	assert.Less(t, one.share(), leastCover-0.05)
	publish(t, "boots", fmt.Sprintf("One boot of 20 rounds, with such effects of boots: its interval holds the mean over all boots in %.1f%% of runs.\n", 100*one.share()))
}

// Looking after every few rounds, and stopping when the interval is as narrow as
// was asked for.
func TestStoppingCovers(t *testing.T) {
	for _, w := range simulate.Worlds() {
		random := seeded("stopping " + w.Name)
		g := grid{title: w.Name, columns: []string{"precision", "looks after half as many rounds again", "every 5 rounds"}}
		lengths := "Rounds on average:"
		for _, precision := range []float64{0.05, 0.03, 0.02, 0.015} {
			cells := make([]coverage, 2)
			for i, next := range []func(n int) int{func(n int) int { return n + (n+1)/2 }, func(n int) int { return n + 5 }} {
				rounds := 0
				for range effort(80, 800) {
					e := stopOnce(random, w, precision, next)
					cells[i].take(e, 1)
					rounds += e.N
				}
				lengths += fmt.Sprintf(" %.0f", float64(rounds)/float64(cells[i].of))
			}
			lengths += ";"
			g.add(t, fmt.Sprintf("%.1f%%", 100*precision), cells)
		}
		g.average(t)
		g.publish(t, "stopping")
		publish(t, "stopping", strings.TrimSuffix(lengths, ";")+".\n")
	}
}

// stopOnce is the ratio of a test that looks after each batch.
func stopOnce(random *rand.Rand, w simulate.World, precision float64, next func(int) int) testbed.Estimate {
	const most = 60
	test := testbed.Test{Precision: precision, MaxRounds: most}
	r := w.Draw(random, 1, most)
	for n := 10; ; n = next(n) {
		t := trialOf(simulate.Rounds{Host: r.Host[:n], Modes: [][]float64{r.Modes[0][:n]}, Boot: r.Boot[:n]}, test, 0, summary)
		if width, _ := t.precision(); width <= precision || next(n) > most {
			return t.ratio(t.series[1], t.host, p50)
		}
	}
}

// The whole way from transactions: blocks of 1,000 of them, or 2,000 where there
// are few rounds, so that p99 is pooled; and each remembers the one before.
func TestTransactionsCover(t *testing.T) {
	rounds := []int{10}
	if proofPage != "" {
		rounds = []int{6, 8, 10, 15, 20, 30}
	}
	names := []string{"p50", "p90", "p99", "mean", "rate"}
	random := seeded("transactions")
	ratios := grid{title: "ratio to host", columns: append([]string{"rounds"}, names...)}
	owns := grid{title: "the mode's own figure", columns: append([]string{"rounds"}, names...)}
	for _, n := range rounds {
		length := 1000
		if n < 10 {
			length = 2000 // Or p99 has under 100 transactions beyond it.
		}
		ratio, own := coverTransactions(random, names, n, length, effort(120, 400))
		ratios.add(t, fmt.Sprint(n), ratio)
		owns.add(t, fmt.Sprint(n), own)
	}
	if proofPage != "" {
		ratios.average(t)
		owns.average(t)
	}
	ratios.publish(t, "transactions")
	owns.publish(t, "transactions")
}

// The least transactions for which a pooled percentile is given, 100 beyond it over all
// rounds, in long blocks and in short ones.
func TestPooledPercentilesCover(t *testing.T) {
	type row struct{ rounds, length int }
	for _, p := range []struct {
		name, metric string
		rows         []row
		test, proof  int
	}{
		{"p99.9", "p999", []row{{10, 10000}, {6, 17000}, {8, 12500}, {15, 6700}, {20, 5000}, {30, 3400}}, 60, 1000},
		{"p99", "p99", []row{{100, 100}, {6, 1700}, {10, 1000}, {20, 500}, {30, 340}, {50, 200}}, 100, 1000},
	} {
		rows := p.rows[:1]
		if proofPage != "" {
			rows = p.rows
		}
		random := seeded("pooled " + p.name)
		g := grid{title: "pooled " + p.name, columns: []string{"rounds of transactions", "ratio to host", "the mode's own"}}
		for _, r := range rows {
			ratio, own := coverTransactions(random, []string{p.metric}, r.rounds, r.length, effort(p.test, p.proof))
			g.add(t, fmt.Sprintf("%d of %d", r.rounds, r.length), []coverage{ratio[0], own[0]})
		}
		if proofPage != "" {
			g.average(t)
		}
		g.publish(t, "transactions")
	}
}

// coverTransactions simulates labs in the rough world, and counts how often the ratio
// to host and the mode's own figure of each metric held the truth.
func coverTransactions(random *rand.Rand, names []string, rounds, length, labs int) (ratio, own []coverage) {
	w := simulate.Rough()
	w.Effect = math.Log(effectOf)
	ratio, own = make([]coverage, len(names)), make([]coverage, len(names))
	for range labs {
		r := w.Draw(random, 1, rounds)
		trial := trialOf(r, testbed.Test{}, 0, func(value float64, round, boot int) sample {
			return transactionsOf(random, length, value, round, boot)
		})
		levels := []float64{}
		for _, l := range r.Level {
			levels = append(levels, base*effectOf*math.Exp(l))
		}
		for i, name := range names {
			metric, _ := metricNamed(name)
			want := effectOf
			if name == "rate" {
				want = 1 / effectOf
			}
			ratio[i].take(trial.ratio(trial.series[1], trial.host, metric), want)
			own[i].take(trial.estimate(trial.series[1], metric), trueFigure(name, levels))
		}
	}
	return ratio, own
}

// trueFigure is what blocks of these levels would show if they were endless: a
// pooled percentile is that of all of them together.
func trueFigure(metric string, levels []float64) float64 {
	sum := 0.0
	for _, l := range levels {
		sum += math.Log(l)
	}
	level := math.Exp(sum / float64(len(levels)))
	switch metric {
	case "p50":
		return level
	case "p90":
		return simulate.Quantile(0.9, []float64{level})
	case "p99":
		return simulate.Quantile(0.99, levels)
	case "p999":
		return simulate.Quantile(0.999, levels)
	case "mean":
		return level * simulate.Mean()
	}
	return 1e9 / (level * simulate.Mean())
}

// The methods that were weighed, in the roughest world; nothing is asserted of
// them.
func TestCandidates(t *testing.T) {
	for _, w := range []simulate.World{simulate.Worlds()[0], simulate.Rough()} {
		random := seeded("candidates " + w.Name)
		columns := []string{"rounds"}
		for _, c := range simulate.Candidates() {
			columns = append(columns, c.Name)
		}
		g := grid{title: w.Name, columns: columns}
		for _, n := range []int{6, 8, 10, 15, 20, 30, 50} {
			cells := make([]coverage, len(columns)-1)
			for range effort(100, 3000) {
				r := w.Draw(random, 1, n)
				logs := make([]float64, n)
				for i, host := range r.Host {
					logs[i] = r.Modes[0][i] - (host[0]+host[1])/2
				}
				for i, c := range simulate.Candidates() {
					lo, hi := c.Interval(random, logs)
					cells[i].take(testbed.Estimate{Lo: &lo, Hi: &hi}, 0)
				}
			}
			g.rows, g.cells = append(g.rows, fmt.Sprint(n)), append(g.cells, cells)
		}
		publish(t, "candidates", g.markdown())
	}
}

// Worlds that are rougher still: what is covered then, and how often the report
// says that rounds resemble each other. Nothing is asserted but that it warns.
func TestBeyondTheRegime(t *testing.T) {
	b := &strings.Builder{}
	fmt.Fprintf(b, "| correlation | rounds | covers | warns |\n| --: | --: | --: | --: |\n")
	warned := map[int]float64{}
	for _, w := range simulate.Beyond() {
		random := seeded(fmt.Sprint("beyond", w.ModeCorrelation))
		for _, n := range []int{6, 10, 20, 50} {
			c, warns := coverage{}, 0
			for range effort(200, 3000) {
				trial := trialOf(w.Draw(random, 1, n), testbed.Test{}, 0, summary)
				c.take(trial.ratio(trial.series[1], trial.host, p50), 1)
				if trial.auditSerial(trial.series[1]) != "" {
					warns++
				}
			}
			warned[n] = float64(warns) / float64(c.of)
			fmt.Fprintf(b, "| %.1f | %d | %.1f | %.0f |\n", w.ModeCorrelation, n, 100*c.share(), 100*warned[n])
		}
	}
	assert.Greater(t, warned[50], warned[6], "more rounds show it better")
	publish(t, "beyond", b.String())
}

// Last of all, since it prints what the others found, under the titles that
// scripts/proofs/coverage.sh looks for.
func TestZPage(t *testing.T) {
	if proofPage == "" {
		t.Skip("no page wanted: TESTBED_COVERAGE_PAGE says where it goes")
	}
	all := []string{}
	for _, name := range []string{"rounds", "transactions", "boots", "stopping", "alarms", "candidates", "beyond"} {
		require.NotEmpty(t, sections[name], name)
		all = append(all, "## "+name+"\n\n"+strings.Join(sections[name], "\n"))
	}
	require.NoError(t, os.WriteFile(proofPage, []byte(strings.Join(all, "\n")), 0o644))
}
