package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report"
)

// The order of modes is read of results alone: their blocks, which are most of what is
// stored, are not opened.
func TestOrderNeedsNoBlocks(t *testing.T) {
	t.Chdir(t.TempDir())
	base, other := nightly(t, 1, 1.1), nightly(t, 2, 1.2)
	require.NoError(t, os.WriteFile(filepath.Join(base, report.BlocksFile), []byte("no block\n"), 0o644))
	ordered := invoke(t, "", "compare", "--order", base, other)
	require.Equal(t, exitDone, ordered.status, ordered.stderr)
	require.Contains(t, ordered.stdout, base+" (by time) and "+other+" (by time)")
	judged := invoke(t, "", "compare", base, other)
	require.Equal(t, exitUsage, judged.status)
	require.Contains(t, judged.stderr, "read blocks")
}

// An order is data where it is asked for, stands beside a report, and is no verdict.
func TestOrderFormats(t *testing.T) {
	t.Chdir(t.TempDir())
	base, other := nightly(t, 1, 1.1), nightly(t, 2, 1.2)
	data := invoke(t, "", "compare", "--order", "--format", "json", base, other)
	require.Equal(t, exitDone, data.status, data.stderr)
	require.Contains(t, data.stdout, `"schema": "testbed.order/v1"`)
	verdict := invoke(t, "", "compare", "--order", "--format", "junit", base, other)
	require.Equal(t, exitUsage, verdict.status)
	require.Contains(t, verdict.stderr, "--order gives no verdict, and so no junit")

	for _, format := range []string{"terminal", "markdown", "html"} {
		beside := invoke(t, "", "report", base, "--order", other, "--format", format)
		require.Equal(t, exitDone, beside.status, beside.stderr)
		require.Contains(t, beside.stdout, "Order of modes: "+base)
	}
	refused := invoke(t, "", "report", base, "--order", other, "--json")
	require.Equal(t, exitUsage, refused.status)
	require.Contains(t, refused.stderr, "testbed compare --order --format json")
	gone := invoke(t, "", "report", base, "--order", "nowhere")
	require.Equal(t, exitUsage, gone.status)
}
