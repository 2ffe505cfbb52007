package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a QEMU cannot count is told with the result, once.
func TestUncounted(t *testing.T) {
	in := typical().input(t)
	for i := range in.Blocks {
		in.Blocks[i].Uncounted = "unsupported"
	}
	r, err := Analyze(in)
	require.NoError(t, err)
	require.Contains(t, r.Warnings, "tcp_rr: no instructions by function: unsupported")
	require.Equal(t, "unsupported", modeNamed(t, r, "routed").Uncounted)
	text, err := JSON(r)
	require.NoError(t, err)
	require.NoError(t, validate(t, text))
}
