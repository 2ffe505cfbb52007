package symbol_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/symbol"
)

func TestPlain(t *testing.T) {
	for name, want := range map[string]string{
		"ip_rcv": "ip_rcv", "ip_rcv_finish_core.isra.0": "ip_rcv_finish_core",
		"__netif_receive_skb_core.constprop.0": "__netif_receive_skb_core", "tcp_ack.part.0.cold": "tcp_ack", "": "",
	} {
		require.Equal(t, want, symbol.Plain(name))
	}
}
