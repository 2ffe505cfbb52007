package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

func recovery(injected time.Duration, metric string, estimate, lo, hi float64) report.Recovery {
	return report.Recovery{Injected: injected, Metric: metric, Found: testbed.Difference{Estimate: &estimate, Lo: &lo, Hi: &hi}}
}

func TestCalibrationIsPrintedAndJudged(t *testing.T) {
	good := recovery(50*time.Microsecond, "p50", 51.2e3, 48e3, 55e3)
	missed := recovery(time.Millisecond, "p99", 1.2e6, 1.1e6, 1.3e6)
	unknown := report.Recovery{Injected: time.Millisecond, Metric: "p99", Found: testbed.Difference{Reason: "too few transactions"}}

	var out bytes.Buffer
	a := &app{stdout: &out}
	require.NoError(t, a.printRecoveries([]report.Recovery{good, good, missed}, byInterval))
	require.Equal(t, `injected  metric  found      95% interval         
50µs      p50     51.2 µs    48.0 to 55.0 µs      found
50µs      p50     51.2 µs    48.0 to 55.0 µs      found
1ms       p99     1200.0 µs  1100.0 to 1300.0 µs  outside
calibrated: 2 of 3 delays lie inside the interval, 2 have to
`, out.String())

	require.True(t, byInterval.found([]report.Recovery{good, missed}), "one of several may miss")
	require.False(t, byInterval.found([]report.Recovery{good, missed, missed}))
	require.False(t, byInterval.found([]report.Recovery{good, unknown}), "what has no interval is not found")
	require.False(t, byInterval.found(nil))
	wide := recovery(50*time.Microsecond, "p50", 15e3, -276e3, 307e3)
	require.True(t, wide.Inside())
	require.False(t, byInterval.found([]report.Recovery{wide}), "an interval that holds 0 finds nothing")
	out.Reset()
	require.NoError(t, a.printRecoveries([]report.Recovery{good, wide}, byInterval))
	require.Contains(t, out.String(), "inside, as is 0: not found")
	require.Contains(t, out.String(), "not calibrated: 1 of 2")
	out.Reset()
	require.NoError(t, a.printRecoveries([]report.Recovery{unknown}, byInterval))
	require.Contains(t, out.String(), "too few transactions  not known")
	require.Contains(t, out.String(), "not calibrated")
}

// TestTheInstrumentAloneIsHeldTo5Percent: intervals of seeds are some ns wide, and what a
// tick adds is no fault.
func TestTheInstrumentAloneIsHeldTo5Percent(t *testing.T) {
	good := recovery(50*time.Microsecond, "p99", 49e3, 48.9e3, 49.1e3)
	far := recovery(time.Millisecond, "p50", 1.06e6, 0.9e6, 1.1e6)

	var out bytes.Buffer
	a := &app{stdout: &out}
	require.NoError(t, a.printRecoveries([]report.Recovery{good, far}, byShare))
	require.Equal(t, `injected  metric  found      off by  
50µs      p99     49.0 µs    -2.00%  found
1ms       p50     1060.0 µs  +6.00%  too far
not calibrated: 1 of 2 delays are found to 5%, 2 have to
`, out.String())
	require.True(t, byShare.found([]report.Recovery{good}))
	require.False(t, byShare.found([]report.Recovery{good, good, far}), "none may miss")

	a.where = "icount"
	err := a.calibrate(t.Context(), t.TempDir(), false)
	require.ErrorContains(t, err, "no result to keep")
	require.ErrorAs(t, err, new(usageError))
}

func TestWithoutNetemNothingIsCalibrated(t *testing.T) {
	require.NoError(t, needsDelay(testbed.Block{Mode: "host", Status: testbed.StatusOK}))
	require.NoError(t, needsDelay(testbed.Block{Mode: "plus-1ms", Status: testbed.StatusFailed}), "the next may go well")
	err := needsDelay(testbed.Block{Mode: "base-first", Status: testbed.StatusUnsupported, Reason: "this kernel has no netem"})
	require.EqualError(t, err, `mode "base-first" is unsupported, so no delay can be found: this kernel has no netem`)
}
