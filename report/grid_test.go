package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/testbed-lab/testbed/testbed"
)

// A nominal 95% interval must cover between these.
const (
	leastCover = 0.93
	mostCover  = 0.97
)

// proofPage is where the proof wants its page; the tests then run in full.
var proofPage = os.Getenv("TESTBED_COVERAGE_PAGE")

// effort is how often a simulation is repeated: in the tests, and in the proof.
func effort(test, proof int) int {
	if proofPage != "" {
		return proof
	}
	return test
}

// coverage counts how often intervals held the truth.
type coverage struct{ held, of int }

func (c *coverage) take(e testbed.Estimate, truth float64) {
	c.of++
	if e.Lo != nil && *e.Lo <= truth && truth <= *e.Hi {
		c.held++
	}
}

func (c coverage) share() float64 { return float64(c.held) / float64(c.of) }

// within fails where the coverage lies outside of 93% to 97% by more than three
// binomial standard errors of the repetitions, so by more than chance.
func (c coverage) within(t *testing.T, what string) {
	t.Helper()
	chance := func(p float64) float64 { return 3 * math.Sqrt(p*(1-p)/float64(c.of)) }
	assert.GreaterOrEqual(t, c.share(), leastCover-chance(leastCover), "%s: covers too seldom", what)
	assert.LessOrEqual(t, c.share(), mostCover+chance(mostCover), "%s: covers too often", what)
}

// grid is a table of coverage: a column a quantity, a row a number of rounds.
type grid struct {
	title   string
	columns []string
	rows    []string
	cells   [][]coverage
}

// markdown writes the table in per cent.
func (g grid) markdown() string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "### %s\n\n| %s |\n|%s\n", g.title, strings.Join(g.columns, " | "), strings.Repeat(" --: |", len(g.columns)))
	for i, row := range g.rows {
		fmt.Fprintf(b, "| %s |", row)
		for _, c := range g.cells[i] {
			fmt.Fprintf(b, " %.1f |", 100*c.share())
		}
		fmt.Fprintln(b)
	}
	return b.String()
}

// add a row, whose every cell must be within the band.
func (g *grid) add(t *testing.T, row string, cells []coverage) {
	t.Helper()
	for i, c := range cells {
		c.within(t, fmt.Sprintf("%s, %s %s, %s", g.title, g.columns[0], row, g.columns[i+1]))
	}
	g.rows, g.cells = append(g.rows, row), append(g.cells, cells)
}

// average of each column must lie within the band, chance or not.
func (g grid) average(t *testing.T) {
	t.Helper()
	for i, name := range g.columns[1:] {
		all := g.whole(i)
		assert.True(t, leastCover <= all.share() && all.share() <= mostCover, "%s, %s: %.4f over all rows", g.title, name, all.share())
	}
}

// figure is the table's line in the tests' summary: what each column covers over all
// rows, and in the rows that cover least and most.
func (g grid) figure() string {
	parts := []string{}
	for i, name := range g.columns[1:] {
		least, most := 1.0, 0.0
		for _, row := range g.cells {
			least, most = min(least, row[i].share()), max(most, row[i].share())
		}
		text := fmt.Sprintf("%s %.1f", name, 100*g.whole(i).share())
		if len(g.rows) > 1 {
			text += fmt.Sprintf(" (%.1f to %.1f)", 100*least, 100*most)
		}
		parts = append(parts, text)
	}
	return fmt.Sprintf("figure: %% of %d simulated labs in the 95%% interval (%s; %s %s): %s",
		g.cells[0][0].of, g.title, g.columns[0], strings.Join(g.rows, ", "), strings.Join(parts, ", "))
}

// whole is a column over all rows.
func (g grid) whole(column int) (all coverage) {
	for _, row := range g.cells {
		all.held, all.of = all.held+row[column].held, all.of+row[column].of
	}
	return all
}

// publish puts the table into the proof's page and its figure into the tests' output.
func (g grid) publish(t *testing.T, section string) {
	t.Helper()
	t.Log(g.figure())
	publish(t, section, g.markdown())
}

// sections collect what the proof prints.
var sections = map[string][]string{}

func publish(t *testing.T, section string, tables ...string) {
	t.Log("\n" + strings.Join(tables, "\n"))
	sections[section] = append(sections[section], tables...)
}

func seeded(of string) *rand.Rand {
	sum := uint64(0)
	for _, b := range []byte(of) {
		sum = sum*131 + uint64(b)
	}
	return rand.New(rand.NewPCG(20261124, sum))
}

func TestFigureOfAGrid(t *testing.T) {
	g := grid{title: "quiet", columns: []string{"rounds", "ratio"}, rows: []string{"6", "8"}, cells: [][]coverage{{{held: 95, of: 100}}, {{held: 94, of: 100}}}}
	assert.Equal(t, "figure: % of 100 simulated labs in the 95% interval (quiet; rounds 6, 8): ratio 94.5 (94.0 to 95.0)", g.figure())
	g.rows, g.cells = g.rows[:1], g.cells[:1]
	assert.Equal(t, "figure: % of 100 simulated labs in the 95% interval (quiet; rounds 6): ratio 95.0", g.figure())
}
