package libvirt

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInstructionsText reads what a QEMU 10.0.2 answered.
func TestInstructionsText(t *testing.T) {
	require.Equal(t, "; it has executed some 3 · 10⁹ instructions",
		instructionsText(`{"return":{"tm_year":126,"tm_sec":3,"tm_hour":0,"tm_min":0,"tm_mon":0,"tm_mday":1},"id":"libvirt-479"}`))
	require.Equal(t, "; it has executed some 90061 · 10⁹ instructions",
		instructionsText(`{"return":{"tm_year":126,"tm_sec":1,"tm_hour":1,"tm_min":1,"tm_mon":0,"tm_mday":2}}`))
	require.Empty(t, instructionsText(`{"error":{"class":"GenericError"}}`))
	require.Empty(t, instructionsText(""))
}
