package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// found are the metrics that a claim asked for and the result has.
func (c *court) found(asked map[testbed.Metric]bool) (all []testbed.Finding) {
	for _, m := range sortedMetrics(asked) {
		r, weights := c.find(m), []int(nil)
		if t := c.trials[m.Test]; t != nil {
			weights = ones(len(t.rounds))
		}
		if r.of == nil {
			continue
		}
		if value := r.of(weights); !math.IsNaN(value) && !math.IsInf(value, 0) {
			all = append(all, testbed.Finding{Metric: m, Value: value, Unit: r.unit})
		}
	}
	return all
}

// claims are one list of judged expectations, as a report shows them.
type claims struct {
	ID    string
	Title string
	List  []claim
}

// claim is a judged expectation in words.
type claim struct {
	Verdict string // As the schema has it.
	Word    string // As the reader has it.
	Name    string
	That    string
	Grounds string
	Source  string // Of a published result.
	From    string // Where it stands in the result.
}

// publishedWords are the verdicts on a published result.
var publishedWords = map[string]string{
	testbed.Confirmed: "reproduced", testbed.Refuted: "contradicted", testbed.Inconclusive: "undecided",
}

// claimLists are the lab's own expectations, and published results apart, since a
// verdict on one of those is about this machine and another; without empty ones.
func claimLists(r testbed.Result) (lists []claims) {
	own, published := claims{ID: "expectations", Title: "Expectations"}, claims{ID: "published", Title: "Published results"}
	for i, e := range r.Expectations {
		c := claim{
			From: fmt.Sprintf("/expectations/%d", i), Verdict: e.Verdict, Word: e.Verdict, Name: strings.TrimSpace(e.Name + " " + bracketed(CellText(e.Cell))),
			That: oneLine(e.That), Grounds: groundsText(e), Source: oneLine(e.Published),
		}
		if c.Source == "" {
			own.List = append(own.List, c)
			continue
		}
		c.Word = publishedWords[e.Verdict]
		published.List = append(published.List, c)
	}
	return slices.DeleteFunc([]claims{own, published}, func(c claims) bool { return len(c.List) == 0 })
}

// Tally counts verdicts in a sentence.
func (c claims) Tally() string {
	counts, words := map[string]int{}, map[string]string{}
	for _, one := range c.List {
		counts[one.Verdict]++
		words[one.Verdict] = one.Word
	}
	parts := []string{}
	for _, verdict := range []string{testbed.Confirmed, testbed.Refuted, testbed.Inconclusive} {
		if n := counts[verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[verdict]))
		}
	}
	return c.Title + ": " + strings.Join(parts, ", ")
}

// groundsText says what a verdict rests on: what was found, in how many resamples the
// claim held, and what would decide it; or why it could not be evaluated.
func groundsText(e testbed.ExpectationResult) string {
	parts := []string{}
	if text := foundText(e.Found); text != "" {
		parts = append(parts, text)
	}
	if e.Share == nil {
		return strings.Join(append(parts, e.Reason), "; ")
	}
	parts = append(parts, "holds in "+strings.TrimSuffix(fmt.Sprintf("%.1f", 100**e.Share), ".0")+"% of resamples")
	if e.Needed != nil {
		parts = append(parts, neededText(*e.Needed))
	}
	return strings.Join(parts, "; ")
}

func neededText(n testbed.Needed) string {
	size := count(n.Count, strings.TrimSuffix(n.Of, "s"))
	if n.AtLeast {
		return "more than " + size + " needed to decide it: so near the border do these rounds put it"
	}
	return "about " + size + " would decide it"
}

// mostFound is how many figures a claim may be about for a line to hold them.
const mostFound = 4

func foundText(all []testbed.Finding) string {
	if len(all) > mostFound {
		return ""
	}
	texts := []string{}
	for _, f := range all {
		texts = append(texts, findingText(f))
	}
	return strings.Join(texts, ", ")
}

// findingText is a metric of an expectation and its value.
func findingText(f testbed.Finding) string {
	m := f.Metric
	name := firstOf(percentileTitle(m.Name), percentileTitle(m.Function))
	switch {
	case m.Function == "ratio":
		return fmt.Sprintf("%s of %s %s × %s", name, m.Mode, ratioText(f.Value), m.Base)
	case m.Function == "capability":
		return fmt.Sprintf("%s in %s %s", name, m.Mode, map[bool]string{true: "works", false: "fails"}[f.Value != 0])
	case f.Unit == testbed.UnitRate:
		return fmt.Sprintf("%s of %s %s/s", name, m.Mode, perSecond(f.Value))
	case f.Unit == "":
		return fmt.Sprintf("%s of %s %s", name, m.Mode, ratioText(f.Value))
	}
	return fmt.Sprintf("%s of %s %s %s", name, m.Mode, latency(f.Value, f.Unit), latencyUnit(f.Unit))
}
