package provision

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrouble(t *testing.T) {
	console := "Linux\n[ 1.0] RIP: 0010:x\n[ 1.0] WARNING: CPU: 0\n[ 2.0] INFO: task x:1 blocked for more than 120 seconds.\nfine\n"
	require.Len(t, Trouble([]byte(console)), 3)
	require.Empty(t, Trouble([]byte("testbed-guest: ready\nall is well\n")))
}

func TestTail(t *testing.T) {
	require.Equal(t, []string{"b", "c"}, Tail([]byte("a\r\n\nb\n\x1b[31mc\x1b[0m\n"), 2))
	require.Empty(t, Tail([]byte("\r\n \n"), 20))
}
