package guestinit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStopScans: a kernel with kmemleak gets its order, and one without is not given a
// file of that name.
func TestStopScans(t *testing.T) {
	old := kmemleakFile
	t.Cleanup(func() { kmemleakFile = old })
	kmemleakFile = filepath.Join(t.TempDir(), "kmemleak")
	require.NoError(t, stopScans())
	require.NoFileExists(t, kmemleakFile)

	require.NoError(t, os.WriteFile(kmemleakFile, nil, 0o600))
	require.NoError(t, stopScans())
	text, err := os.ReadFile(kmemleakFile)
	require.NoError(t, err)
	require.Equal(t, "scan=off", string(text))

	kmemleakFile = t.TempDir()
	require.ErrorContains(t, stopScans(), "stop kmemleak's scans")
}
