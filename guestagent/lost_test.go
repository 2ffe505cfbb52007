package guestagent_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// TestAFailedBlockTellsWhatWasLost: no answer reaches the client, and the block says
// how many requests had none.
func TestAFailedBlockTellsWhatWasLost(t *testing.T) {
	test := short("udp", "udp_rr")
	test.Duration = 300 * time.Millisecond // A request waits for 200 ms.
	client, server := pair(t, []proto.Mode{{Name: "host", Kind: "host"}}, []proto.Test{test}, 1)
	require.NoError(t, server.Links.RouteAdd(&netlink.Route{
		Type: unix.RTN_BLACKHOLE,
		Dst:  &net.IPNet{IP: client.Host.Address.Addr().AsSlice(), Mask: net.CIDRMask(32, 32)},
	}))
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	result := client.results()[0]
	require.Equal(t, proto.StatusFailed, result.Status)
	require.Regexp(t, `^client: measure: no transaction within 300ms \(requests lost: [12]\)$`, result.Reason)
	require.Contains(t, []int64{1, 2}, result.Lost)
	require.Zero(t, result.Transactions)
	require.Empty(t, result.Histogram)
}
