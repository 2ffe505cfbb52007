package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// A note names modes where some lack what others have, and not where all do.
func TestNotesOfWhatIsMissing(t *testing.T) {
	of := func(figures ...testbed.Estimate) (test testbed.TestResult) {
		for i, name := range []string{"host", "docker0", "macvlan"} {
			test.Modes = append(test.Modes, testbed.ModeResult{Name: name, Status: testbed.StatusOK, P99: figures[i]})
		}
		test.Modes = append(test.Modes, testbed.ModeResult{Name: "netkit", Status: testbed.StatusUnsupported})
		return test
	}
	few, fewer, there := testbed.Estimate{Reason: "72 beyond it"}, testbed.Estimate{Reason: "50 beyond it"}, known1(1, 1, 1)
	require.Equal(t, []string{"no p99 for any mode; for host: 72 beyond it"}, percentileNotes(of(few, fewer, few), "p99"))
	require.Equal(t, []string{"no p99 for any mode: 72 beyond it"}, percentileNotes(of(few, few, few), "p99"))
	require.Equal(t, []string{"no p99 for docker0 and macvlan; for docker0: 50 beyond it"}, percentileNotes(of(there, fewer, few), "p99"))
	require.Empty(t, percentileNotes(of(there, there, there), "p99"))
}
