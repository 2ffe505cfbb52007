package guestagent_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// TestLeakPass: both ends of it come to the same verdict, which is what this machine's
// kernel has.
func TestLeakPass(t *testing.T) {
	want := proto.StatusOK
	if _, err := os.Stat("/sys/kernel/debug/kmemleak"); err != nil {
		want = proto.StatusUnsupported
	}
	client, server := pair(t, []proto.Mode{{Name: "host", Kind: "host"}}, []proto.Test{short("tcp", "tcp_rr")}, 1)
	for _, e := range []*end{client, server} {
		e.segment.Blocks[0].Pass = proto.PassLeaks
		e.segment.OneKernel = true
	}
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	require.Equal(t, want, client.results()[0].Status, client.results()[0].Reason)
	require.Equal(t, want, server.results()[0].Status)
	if want == proto.StatusUnsupported {
		require.Contains(t, client.results()[0].Reason, "CONFIG_DEBUG_KMEMLEAK")
	}
}
