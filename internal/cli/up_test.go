package cli

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// TestNoSuchBase is a mistake of the command line; a base that cannot be fetched is none.
func TestNoSuchBase(t *testing.T) {
	var usage usageError
	suite := fmt.Errorf("image %q: %w", "nope", &archive.SuiteError{Mirror: "m", Suite: "nope"})
	require.ErrorAs(t, noSuchBase(&run.BaseError{Name: "nope", Err: suite}), &usage)
	require.Contains(t, usage.Hint(), "an image of the lab file, or a Debian release")
	for _, err := range []error{nil, suite, &run.BaseError{Name: "nope", Err: io.EOF}} {
		require.Equal(t, err, noSuchBase(err))
	}
}

// TestAContestKeepsItsFormat: also where a cell failed, and where nothing could be judged.
func TestAContestKeepsItsFormat(t *testing.T) {
	failed := []testbed.Comparison{{Verdict: testbed.Broken, Failed: []testbed.Failing{{What: "side = new crashed", Why: "panic"}}}}
	for format, want := range map[string]string{
		"junit": `<failure message="panic"`, "ktap": "not ok 1 side = new crashed", "github": "::error title=",
		"json": `"failed": [`, "markdown": "## What failed", "terminal": "Failed: 1 failure, listed below.",
	} {
		var out bytes.Buffer
		a := &app{stdout: &out, stderr: &out}
		require.NoError(t, a.showOutcome(&run.Outcome{Comparison: failed}, t.TempDir(), false, &format))
		require.Contains(t, out.String(), want, format)

		out.Reset()
		require.NoError(t, a.showOutcome(&run.Outcome{}, t.TempDir(), false, &format))
		require.Equal(t, format == "terminal", out.Len() > 0, "a parser reads no report for a person")
	}
	require.Equal(t, statusError(exitFailed), verdictStatus(report.Worst(append(failed, testbed.Comparison{Verdict: testbed.Regression}))))
}
