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
