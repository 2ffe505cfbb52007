package bisect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// fakeBench measures what a table says. A figure of 0 cannot be measured.
type fakeBench struct {
	figures  []float64
	measured []string // In order, each once.
	chosen   string
	broken   string // A version at which the machine fails.
	unsure   string // A version that stays undecided.
}

func (b *fakeBench) figure(version string) (float64, error) {
	i, _ := strconv.Atoi(version[1:])
	if !slices.Contains(b.measured, version) {
		b.measured = append(b.measured, version)
	}
	switch {
	case version == b.broken:
		return 0, errors.New("libvirt is gone")
	case b.figures[i] == 0:
		return 0, &SkipError{fmt.Errorf("%s does not boot", version)}
	}
	return b.figures[i], nil
}

func (b *fakeBench) change(from, to string, margin float64) (testbed.Change, error) {
	was, err := b.figure(from)
	if err != nil {
		return testbed.Change{}, err
	}
	is, err := b.figure(to)
	if err != nil {
		return testbed.Change{}, err
	}
	ratio := is / was
	c := testbed.Change{Mode: "docker0", Verdict: testbed.Equal, Itself: testbed.Estimate{Estimate: &ratio}}
	switch {
	case to == b.unsure:
		c.Verdict, c.Reason = testbed.Undecided, "the interval reaches over the margin"
	case ratio > 1+margin:
		c.Verdict = testbed.Regression
	case ratio < 1/(1+margin):
		c.Verdict = testbed.Improvement
	}
	if ratio != 1 {
		c.Direction = testbed.Slower
	}
	return c, nil
}

func (b *fakeBench) Ends(context.Context) ([]testbed.Change, error) {
	c, err := b.change("v0", fmt.Sprint("v", len(b.figures)-1), 0.02)
	quiet := c
	quiet.Mode, quiet.Verdict = "host", testbed.Equal
	return []testbed.Change{quiet, c}, err
}

func (b *fakeBench) Judge(_ context.Context, version string, margin float64) (testbed.Change, error) {
	return b.change("v0", version, margin)
}

func (b *fakeBench) Between(_ context.Context, from, to string) (testbed.Change, error) {
	return b.change(from, to, 0.02)
}

func (b *fakeBench) Turnover(string, string) (float64, bool) { return 0, false }

func (b *fakeBench) Choose(c testbed.Change) { b.chosen = c.Mode }

func hunt(t *testing.T, dir string, b *fakeBench) *Hunt {
	t.Helper()
	j, err := OpenJournal(dir, map[string]any{"margin": 0.02, "versions": len(b.figures)})
	require.NoError(t, err)
	var versions []string
	for i := range b.figures {
		versions = append(versions, fmt.Sprint("v", i))
	}
	clock := time.Unix(0, 0)
	return &Hunt{Versions: versions, Bench: b, Journal: j, Now: func() time.Time { clock = clock.Add(time.Minute); return clock }}
}

// row is good until a version, and slower by so much from it on.
func row(n, from int, ratio float64) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = 100
		if i >= from {
			all[i] *= ratio
		}
	}
	return all
}

func TestFirstBad(t *testing.T) {
	for first := 1; first < 20; first++ {
		b := &fakeBench{figures: row(20, first, 1.1)}
		a, err := hunt(t, t.TempDir(), b).FirstBad(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{fmt.Sprint("v", first-1), fmt.Sprint("v", first)}, []string{a.From, a.To})
		require.InDelta(t, 1.1, *a.Change.Itself.Estimate, 1e-9)
		require.Equal(t, "docker0", b.chosen, "the row that became slower")
		require.Empty(t, a.Skipped)
		require.Equal(t, len(b.measured), a.Measured)
		require.LessOrEqual(t, a.Measured, 2+5)
	}
}

// TestFirstBadOfSeveral: with small changes beside the one that is looked for, bad is what
// lies nearer to the bad version.
func TestFirstBadOfSeveral(t *testing.T) {
	b := &fakeBench{figures: []float64{100, 101, 102.5, 102.5, 109.5, 110, 110}}
	a, err := hunt(t, t.TempDir(), b).FirstBad(t.Context())
	require.NoError(t, err)
	require.Equal(t, "v4", a.To, "2.5% is beyond the margin, and not what the bad version has")
}

func TestFirstBadRefuses(t *testing.T) {
	var same *SameError
	_, err := hunt(t, t.TempDir(), &fakeBench{figures: row(9, 4, 1.01)}).FirstBad(t.Context())
	require.ErrorAs(t, err, &same)
	require.ErrorContains(t, err, "do not differ")
	require.Contains(t, same.Hint(), "--max-regression")
	b := &fakeBench{figures: row(9, 4, 0.9)}
	_, err = hunt(t, t.TempDir(), b).FirstBad(t.Context())
	require.ErrorAs(t, err, &same)
	require.Contains(t, same.Hint(), "swap --good and --bad")
	require.Len(t, b.measured, 2, "nothing in between is measured")
}

// endless cannot compare its ends.
type endless struct{ *fakeBench }

func (b endless) Ends(context.Context) ([]testbed.Change, error) {
	return []testbed.Change{{Test: "rr", Mode: "host", Itself: testbed.Estimate{Reason: "base: the mode is unsupported"}}}, nil
}

// TestLargestRefuses: it never asked the ends to differ, and says what it found instead.
func TestLargestRefuses(t *testing.T) {
	var same *SameError
	_, err := hunt(t, t.TempDir(), &fakeBench{figures: row(9, 4, 1)}).Largest(t.Context(), 0.02)
	require.ErrorAs(t, err, &same)
	require.EqualError(t, err, "no step from a version to the next is more than chance")
	require.NotContains(t, same.Hint(), "--max-regression", "which is no matter here")

	h := hunt(t, t.TempDir(), &fakeBench{figures: row(9, 4, 1)})
	h.Bench = endless{&fakeBench{}}
	_, err = h.Largest(t.Context(), 0.02)
	require.EqualError(t, err, `mode "host" of test "rr" cannot be compared from end to end: base: the mode is unsupported`)
}

// TestFirstBadSkips: what cannot be measured, or is undecided, is named where the change
// may lie in it.
func TestFirstBadSkips(t *testing.T) {
	figures := row(17, 9, 1.1)
	figures[8] = 0
	b := &fakeBench{figures: figures, unsure: "v9"}
	dir := t.TempDir()
	a, err := hunt(t, dir, b).FirstBad(t.Context())
	require.NoError(t, err)
	require.Equal(t, Answer{From: "v7", To: "v10", Skipped: []string{"v8", "v9"}, Change: a.Change, Measured: a.Measured, Of: 17}, a)
	j, err := OpenJournal(dir, map[string]any{"margin": 0.02, "versions": 17})
	require.NoError(t, err)
	step, _ := j.Step("v8")
	require.Equal(t, Skipped, step.Verdict)
	require.Equal(t, "v8 does not boot", step.Reason)
}

func TestEndsHaveToBeMeasured(t *testing.T) {
	figures := row(9, 4, 1.1)
	figures[8] = 0
	_, err := hunt(t, t.TempDir(), &fakeBench{figures: figures}).FirstBad(t.Context())
	require.EqualError(t, err, "v8 does not boot")
}

// TestRestart: a failure of the machine ends the bisect and blames no version, and the
// next one goes on where it was.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	b := &fakeBench{figures: row(20, 7, 1.1), broken: "v6"}
	_, err := hunt(t, dir, b).FirstBad(t.Context())
	require.EqualError(t, err, "version v6: libvirt is gone")
	before := len(b.measured) - 1

	again := &fakeBench{figures: b.figures}
	h := hunt(t, dir, again)
	var told []string
	var left []time.Duration
	h.Tell = func(version string, steps int, d time.Duration) {
		told, left = append(told, version), append(left, d/time.Duration(steps))
	}
	a, err := h.FirstBad(t.Context())
	require.NoError(t, err)
	require.Equal(t, "v7", a.To)
	require.Equal(t, "v6", told[0], "what was decided is not announced again")
	require.Len(t, told, a.Measured-before)
	require.Positive(t, left[0], "its time is known from the steps before")

	third := hunt(t, dir, &fakeBench{figures: b.figures})
	third.Tell = func(version string, _ int, _ time.Duration) { t.Error(version, "is decided") }
	_, err = third.FirstBad(t.Context())
	require.NoError(t, err)
}

func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	b := &fakeBench{figures: row(20, 7, 1.1)}
	h := hunt(t, dir, b)
	stop := errors.New("interrupted")
	h.Tell = func(version string, _ int, _ time.Duration) {
		if version == "v4" {
			cancel(stop)
		}
	}
	_, err := h.FirstBad(ctx)
	require.ErrorIs(t, err, stop)
	_, known := h.Journal.Step("v4")
	require.False(t, known, "half a measurement decides nothing")
}

func TestLargestOfHunt(t *testing.T) {
	// Two changes of one sign, the second one larger.
	figures := row(30, 11, 1.03)
	for i := 22; i < 30; i++ {
		figures[i] *= 1.05
	}
	b := &fakeBench{figures: figures}
	a, err := hunt(t, t.TempDir(), b).Largest(t.Context(), 0.02)
	require.NoError(t, err)
	require.Equal(t, []string{"v21", "v22"}, []string{a.From, a.To})
	require.InDelta(t, 1.05, *a.Change.Itself.Estimate, 1e-9)
	require.Less(t, a.Measured, 14)

	var same *SameError
	_, err = hunt(t, t.TempDir(), &fakeBench{figures: row(9, 8, 1)}).Largest(t.Context(), 0.02)
	require.ErrorAs(t, err, &same)
}

func TestJournalRefuses(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(dir, map[string]any{"metric": "p50", "margin": 0.02})
	require.NoError(t, err)
	require.NoError(t, j.Add(Step{Version: "a", Verdict: Good}))
	require.NoError(t, j.Add(Step{Version: "a", Verdict: Bad}))
	require.Len(t, j.Steps, 1, "a decision replaces one of its version")

	var other *OtherQuestionError
	_, err = OpenJournal(dir, map[string]any{"metric": "p99", "margin": 0.02})
	require.ErrorAs(t, err, &other)
	require.EqualError(t, err, dir+" holds another bisect: it differs in metric")
	require.Contains(t, other.Hint(), "--state")

	path := filepath.Join(dir, JournalFile)
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	_, err = OpenJournal(dir, nil)
	require.ErrorContains(t, err, "remove the folder to begin anew")
	require.NoError(t, os.WriteFile(path, []byte(`{"schema": "testbed.bisect/v9"}`), 0o644))
	_, err = OpenJournal(dir, nil)
	require.ErrorContains(t, err, `its schema is "testbed.bisect/v9"`)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o755))
	require.Error(t, j.Add(Step{Version: "b"}), "what cannot be kept is said")
}
