package bisect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/testbed-lab/testbed/testbed"
)

// Bench measures versions.
type Bench interface {
	// Ends measures the good version and the bad one and judges the bad by the good, one
	// row a test, cell and mode, with the margin that was asked for.
	Ends(ctx context.Context) ([]testbed.Change, error)
	// Judge measures a version unless it was before, and judges the row that was chosen by
	// the good version, with a margin.
	Judge(ctx context.Context, version string, margin float64) (testbed.Change, error)
	// Between is the row's change from one version that was measured to another.
	Between(ctx context.Context, from, to string) (testbed.Change, error)
	// Turnover is a bound of all changes of the row between two versions that were
	// measured, relative to its figure; not known: false.
	Turnover(from, to string) (float64, bool)
	// Choose says which row everything is about from now on.
	Choose(testbed.Change)
}

// SkipError says that a version is to blame for having no measurement.
type SkipError struct{ Err error }

func (e *SkipError) Error() string { return e.Err.Error() }
func (e *SkipError) Unwrap() error { return e.Err }

// SameError says that there is nothing to look for.
type SameError struct {
	Rows   []testbed.Change
	Better bool // The bad version is the better one.
	Steps  bool // Looked for was the largest step, which asks for no difference.
}

func (e *SameError) Error() string {
	switch {
	case e.Better:
		return "the bad version is better than the good one"
	case e.Steps:
		return "no step from a version to the next is more than chance"
	}
	return "the good version and the bad one do not differ"
}

// Hint is the remedy.
func (e *SameError) Hint() string {
	switch {
	case e.Better:
		return "swap --good and --bad to find where it became better"
	case e.Steps:
		return "ask about another mode or test (--mode, --test)"
	}
	return "narrow it to what changed (--test, --mode, --metric), or lower --max-regression"
}

// Hunt is a bisect over versions in a row.
type Hunt struct {
	Versions []string // From good to bad, two at least.
	Bench    Bench
	Journal  *Journal
	Now      func() time.Time
	// Tell is called before a version is measured: with how many are left at most, and how
	// long that will take (0: not known yet). Optional.
	Tell func(version string, steps int, left time.Duration)
	// Told is called after a decision. Optional.
	Told func(Step)
}

// Answer is where it changed.
type Answer struct {
	From    string   `json:"from"`    // The last version before the change.
	To      string   `json:"to"`      // The first one after it.
	Skipped []string `json:"skipped"` // Between the two: the change may be in any of them.
	// Change is the new figure against the last before it.
	Change   testbed.Change `json:"change"`
	Measured int            `json:"measured"` // Versions, the ends among them.
	Of       int            `json:"of"`
}

// FirstBad finds the first version in which the figure is nearer to the bad version's
// than to the good one's. The ends have to differ by the comparison's own verdict.
func (h *Hunt) FirstBad(ctx context.Context) (Answer, error) {
	row, err := h.ends(ctx)
	if err != nil {
		return Answer{}, err
	}
	half, err := Half(row)
	if err != nil {
		return Answer{}, err
	}
	h.Bench.Choose(row)
	s := NewSearch(len(h.Versions))
	for i, more := s.Next(); more; i, more = s.Next() {
		step, err := h.step(ctx, i, s.Steps(), func() (Step, error) {
			change, err := h.Bench.Judge(ctx, h.Versions[i], half)
			return Judged(change), err
		})
		if err != nil {
			return Answer{}, err
		}
		s.Set(i, step.Verdict)
	}
	good, bad := s.Suspects()
	return h.answer(ctx, good, bad)
}

// Half is the margin by which a version is nearer to the bad one than to the good one. A
// row in which the bad one is no regression has none.
func Half(row testbed.Change) (float64, error) {
	if row.Verdict != testbed.Regression {
		return 0, &SameError{Rows: []testbed.Change{row}, Better: row.Verdict == testbed.Improvement}
	}
	return math.Expm1(math.Abs(math.Log(*row.Itself.Estimate)) / 2), nil
}

// Judged is a change as a verdict; one that is undecided or failed is skipped, as git would.
func Judged(c testbed.Change) Step {
	switch c.Verdict {
	case testbed.Regression:
		return Step{Verdict: Bad, Reason: changeOf(c)}
	case testbed.Equal, testbed.Improvement:
		return Step{Verdict: Good, Reason: changeOf(c)}
	}
	return Step{Verdict: Skipped, Reason: map[bool]string{true: "failed: ", false: "undecided: "}[c.Verdict == testbed.Broken] + c.Reason}
}

// changeOf is a change against the good version, in words.
func changeOf(c testbed.Change) string {
	if c.Itself.Estimate == nil {
		return ""
	}
	return fmt.Sprintf("%+.2f%% against the good version", 100*(*c.Itself.Estimate-1))
}

// ends measures both ends, and picks the row that got worst.
func (h *Hunt) ends(ctx context.Context) (testbed.Change, error) {
	good, bad := h.Versions[0], h.Versions[len(h.Versions)-1]
	began := h.Now()
	if _, known := h.Journal.Step(good); !known && h.Tell != nil {
		h.Tell(good+" and "+bad, bits.Len(uint(len(h.Versions)-2)), 0)
	}
	rows, err := h.Bench.Ends(ctx)
	if err != nil {
		return testbed.Change{}, err
	}
	if err := h.keepEnds(good, bad, h.Now().Sub(began)/2); err != nil {
		return testbed.Change{}, err
	}
	return Worst(rows)
}

// Worst is the row that became worst; where none did, the one that became best.
func Worst(rows []testbed.Change) (testbed.Change, error) {
	if len(rows) == 0 {
		return testbed.Change{}, errors.New("nothing was measured that could be compared")
	}
	order := []string{testbed.Regression, testbed.Improvement}
	rank := func(c testbed.Change) float64 {
		if i := slices.Index(order, c.Verdict); i >= 0 && c.Itself.Estimate != nil {
			return -100*float64(len(order)-i) - math.Abs(math.Log(*c.Itself.Estimate))
		}
		return 0
	}
	return slices.MinFunc(rows, func(a, b testbed.Change) int { return cmp.Compare(rank(a), rank(b)) }), nil
}

// keepEnds takes note of both ends, once.
func (h *Hunt) keepEnds(good, bad string, each time.Duration) error {
	for _, end := range []Step{{Version: good, Verdict: Good}, {Version: bad, Verdict: Bad}} {
		if _, known := h.Journal.Step(end.Version); known {
			continue
		}
		end.Reason, end.Seconds = "as it was given", each.Seconds()
		if err := h.Journal.Add(end); err != nil {
			return err
		}
	}
	return nil
}

// Largest finds the step from a version to the next in which the figure changed most, in
// either direction, of the mode that was asked for.
func (h *Hunt) Largest(ctx context.Context, margin float64) (Answer, error) {
	row, err := h.ends(ctx)
	if err != nil {
		return Answer{}, err
	}
	h.Bench.Choose(row)
	if row.Itself.Estimate == nil {
		return Answer{}, fmt.Errorf("mode %q of test %q cannot be compared from end to end: %s", row.Mode, row.Test, row.Itself.Reason)
	}
	logs := map[int]float64{0: 0, len(h.Versions) - 1: math.Log(*row.Itself.Estimate)}
	size := func(from, to int) float64 { return math.Abs(logs[to] - logs[from]) }
	l := NewLargest(len(h.Versions), size, func(from, to int) float64 {
		bound, _ := h.Bench.Turnover(h.Versions[from], h.Versions[to])
		return max(bound, size(from, to))
	})
	for i, more := l.Next(); more; i, more = l.Next() {
		step, err := h.step(ctx, i, l.Steps(), func() (Step, error) {
			change, err := h.Bench.Judge(ctx, h.Versions[i], margin)
			if err == nil && change.Itself.Estimate == nil {
				return Step{}, &SkipError{errors.New(change.Reason)}
			}
			if err == nil {
				logs[i] = math.Log(*change.Itself.Estimate)
			}
			return Step{Reason: changeOf(change)}, err
		})
		switch {
		case err != nil:
			return Answer{}, err
		case step.Verdict == Skipped:
			l.Skip(i)
		default:
			l.Measured(i)
		}
	}
	from, to := l.Answer()
	answer, err := h.answer(ctx, from, to)
	if err == nil && answer.Change.Direction == "" {
		return answer, &SameError{Rows: []testbed.Change{answer.Change}, Steps: true}
	}
	return answer, err
}

// step decides about a version. What was skipped before is not tried again; what was
// measured before the bench has, and judging it again costs nothing.
func (h *Hunt) step(ctx context.Context, i, left int, decide func() (Step, error)) (Step, error) {
	version := h.Versions[i]
	old, known := h.Journal.Step(version)
	if known && old.Verdict == Skipped {
		return old, nil
	}
	if h.Tell != nil && !known {
		h.Tell(version, left, time.Duration(left)*h.pace())
	}
	began := h.Now()
	step, err := decide()
	var skip *SkipError
	if errors.As(err, &skip) {
		step, err = Step{Verdict: Skipped, Reason: skip.Error()}, nil
	}
	if err != nil {
		return Step{}, fmt.Errorf("version %s: %w", version, err)
	}
	if ctx.Err() != nil {
		return Step{}, context.Cause(ctx)
	}
	step.Version, step.Seconds = version, h.Now().Sub(began).Seconds()
	if known {
		step.Seconds = old.Seconds
	}
	if err := h.Journal.Add(step); err != nil {
		return Step{}, err
	}
	if h.Told != nil {
		h.Told(step)
	}
	return step, nil
}

// pace is how long a step took until now, on average.
func (h *Hunt) pace() time.Duration {
	if len(h.Journal.Steps) == 0 {
		return 0
	}
	sum := 0.0
	for _, s := range h.Journal.Steps {
		sum += s.Seconds
	}
	return time.Duration(sum / float64(len(h.Journal.Steps)) * float64(time.Second))
}

func (h *Hunt) answer(ctx context.Context, from, to int) (Answer, error) {
	a := Answer{From: h.Versions[from], To: h.Versions[to], Skipped: []string{}, Of: len(h.Versions)}
	a.Skipped = append(a.Skipped, h.Versions[from+1:to]...)
	for _, s := range h.Journal.Steps {
		if s.Verdict != Skipped {
			a.Measured++
		}
	}
	change, err := h.Bench.Between(ctx, a.From, a.To)
	a.Change = change
	return a, err
}
