package report

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

// Order compares the order in which two results put the modes of a test, each by its
// ratio to host: of two machines, or of time and instructions, whose sizes cannot be
// compared. It prints a table a test and says in which pairs of modes the two disagree.
func Order(w io.Writer, base, other CompareSide) error {
	ours, err := trialsOf(base)
	if err != nil {
		return err
	}
	theirs, err := trialsOf(other)
	if err != nil {
		return err
	}
	pairs, lost, gained := match(ours, theirs, false)
	if len(pairs) == 0 {
		return fmt.Errorf("%s and %s have no test in common: %s", base.Path, other.Path, unmatchedText(lost, gained))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s (%s) and %s (%s)\n", base.Path, orderedBy(pairs[0].base.result), other.Path, orderedBy(pairs[0].new.result))
	for _, p := range pairs {
		writeOrder(&b, p.base.name(), rankingOf(p.base.result, p.new.result))
	}
	_, err = w.Write(b.Bytes())
	return err
}

// orderedBy says by what a result orders.
func orderedBy(t testbed.TestResult) string {
	if isCounted(t) {
		return "by instructions"
	}
	return "by time"
}

// ranked is a mode that both results have.
type ranked struct {
	mode        string
	base, other testbed.Estimate // Ratios to host.
	at, otherAt int              // Ranks from 1.
}

// ranking is in the base's order.
type ranking struct {
	modes []ranked
	// mixed says that one side counted and the other measured time.
	mixed bool
}

func rankingOf(base, other testbed.TestResult) (r ranking) {
	r.mixed = isCounted(base) != isCounted(other)
	for _, m := range base.Modes {
		i := slices.IndexFunc(other.Modes, func(n testbed.ModeResult) bool { return n.Name == m.Name })
		if i < 0 || m.RatioToHost["p50"].Estimate == nil || other.Modes[i].RatioToHost["p50"].Estimate == nil {
			continue
		}
		r.modes = append(r.modes, ranked{mode: m.Name, base: orderedRatio(base, m), other: orderedRatio(other, other.Modes[i])})
	}
	by := func(of func(ranked) float64) {
		slices.SortStableFunc(r.modes, func(a, b ranked) int {
			return int(math.Copysign(1, of(a)-of(b)))
		})
	}
	by(func(m ranked) float64 { return *m.other.Estimate })
	for i := range r.modes {
		r.modes[i].otherAt = i + 1
	}
	by(func(m ranked) float64 { return *m.base.Estimate })
	for i := range r.modes {
		r.modes[i].at = i + 1
	}
	return r
}

// orderedRatio is a mode's ratio to host. Of one seed a count has no interval, and is
// exact.
func orderedRatio(t testbed.TestResult, m testbed.ModeResult) testbed.Estimate {
	ratio := m.RatioToHost["p50"]
	if isCounted(t) && ratio.Lo == nil {
		ratio.Lo, ratio.Hi = ratio.Estimate, ratio.Estimate
	}
	return ratio
}

// spearman is the correlation of the ranks, without ties (Spearman 1904).
func (r ranking) spearman() float64 {
	n, sum := float64(len(r.modes)), 0.0
	for _, m := range r.modes {
		d := float64(m.at - m.otherAt)
		sum += d * d
	}
	return 1 - 6*sum/(n*(n*n-1))
}

// told is the order of two modes that a side's intervals tell: -1 where the first is
// the quicker, 1 where it is the slower, 0 where they overlap.
func told(a, b testbed.Estimate) int {
	switch {
	case a.Lo == nil || b.Lo == nil || a.Hi == nil || b.Hi == nil:
		return 0
	case *a.Hi < *b.Lo:
		return -1
	case *b.Hi < *a.Lo:
		return 1
	}
	return 0
}

// disagreements are pairs of modes that both sides tell apart, and in another order.
func (r ranking) disagreements() (pairs [][2]ranked, both int) {
	for i, a := range r.modes {
		for _, b := range r.modes[i+1:] {
			here, there := told(a.base, b.base), told(a.other, b.other)
			if here == 0 || there == 0 {
				continue
			}
			both++
			if here != there {
				pairs = append(pairs, [2]ranked{a, b})
			}
		}
	}
	return pairs, both
}

func writeOrder(b *bytes.Buffer, test string, r ranking) {
	fmt.Fprintf(b, "\n%s\n\n", test)
	if len(r.modes) < 3 {
		fmt.Fprintf(b, "%s with a ratio to host in both: too few for an order\n", count(len(r.modes), "mode"))
		return
	}
	width := 4
	for _, m := range r.modes {
		width = max(width, columnsOf(m.mode))
	}
	width = min(width, maxMode)
	fmt.Fprintf(b, "  %s  %10s  %10s  rank  there\n", pad("mode", width, true), "× host", "there")
	for _, m := range r.modes {
		fmt.Fprintf(b, "  %s  %10s  %10s  %4d  %5d\n", pad(shorten(m.mode, width), width, true), ratioText(*m.base.Estimate), ratioText(*m.other.Estimate), m.at, m.otherAt)
	}
	pairs, both := r.disagreements()
	n := len(r.modes)
	text := fmt.Sprintf("Rank correlation (Spearman) %.2f. Of %s of modes, both tell %d apart, in the same order %d times.", r.spearman(), count(n*(n-1)/2, "pair"), both, both-len(pairs))
	for _, line := range wrap(text, defaultWidth) {
		fmt.Fprintln(b, line)
	}
	for _, pair := range pairs {
		text := fmt.Sprintf("%s before %s here, and after it there", pair[0].mode, pair[1].mode)
		if r.mixed {
			text += ": waiting (for another softirq, a thread to be woken, memory) takes time and no instructions"
		}
		for i, line := range wrap(text, defaultWidth-4) {
			fmt.Fprintln(b, map[bool]string{true: "  ·", false: "   "}[i == 0], line)
		}
	}
}
