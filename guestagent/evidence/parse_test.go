package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/evidence"
)

const eventText = `# tracer: nop
  testbed-agent-812     [000] b..2.   123.412332: net_dev_queue: dev=eth0 skbaddr=00000000 len=67
  testbed-agent-812     [000] b..3.   123.412340: net_dev_start_xmit: dev=eth0 queue_mapping=0 skbaddr=00 len=67
         <idle>-0       [000] ..s1.   123.412349: napi_poll: napi poll on napi struct 0000 for device eth1 work 1 budget 64
         <idle>-0       [000] ..s1.   123.412350: napi_poll: napi poll on napi struct 0000 for device (no_device) work 1 budget 64
 a b [c]-77             [001] ..s1.   123.412351: softirq_entry: vec=3 [action=NET_RX]
 a b [c]-77             [001] ..s1.   123.412352: softirq_entry: vec=9 [action=RCU]
 CPU:0 nonsense
`

func TestCountEvents(t *testing.T) {
	require.Equal(t, map[string]int64{
		"net_dev_queue eth0": 1, "net_dev_start_xmit eth0": 1, "napi_poll eth1": 1, "napi_poll (no_device)": 1, "softirq_entry NET_RX": 1,
	}, evidence.CountEvents(eventText))
	require.Empty(t, evidence.CountEvents(""))
}

const graphText = `# tracer: function_graph
 0)  client-1   |  sock_write_iter() {
 0)  client-1   |    tcp_sendmsg() {
 0)  client-1   |      veth_xmit [veth]() {
 0)  client-1   |        /* netif_rx: dev=tbv-eth1 skbaddr=00 len=53 */
 0)  client-1   |      }
 0)  client-1   |    }
 0)  client-1   |  }
 ------------------------------------------
 0)   client-1   =>    <idle>-0
 ------------------------------------------

 0)    <idle>-0    |  net_rx_action() {
 0)    <idle>-0    |    ip_rcv.part.0();
 0)    <idle>-0    |  }
 0)  client-1   |  sock_write_iter() {
 0)  client-1   |    tcp_sendmsg();
 0)  client-1   |  } /* sock_write_iter */
 0)    <idle>-0    |  ip_rcv();
 0)  client-1   |  sock_write_iter() {
 0)  client-1   |    tcp_sendmsg();
 0)  client-1   |  }
`

func TestCyclesOfAClientBeginWithASend(t *testing.T) {
	cycles := evidence.Read(graphText, evidence.Cut{Sends: []string{"tcp_sendmsg"}}).Cycles()
	require.Len(t, cycles, 2, "the last is not whole")
	require.Equal(t, evidence.Cycle{
		{Depth: 0, Name: "sock_write_iter"},
		{Depth: 1, Name: "tcp_sendmsg"},
		{Depth: 2, Name: "veth_xmit"},
		{Depth: 3, Name: "netif_rx", Device: "tbv-eth1"},
		{Depth: 0, Name: "net_rx_action"},
		{Depth: 1, Name: "ip_rcv"},
	}, cycles[0])
	require.Equal(t, "sock_write_iter", cycles[1][0].Name)
}

func TestCyclesOfAServerEndWithASend(t *testing.T) {
	cycles := evidence.Read(graphText, evidence.Cut{Sends: []string{"tcp_sendmsg"}, After: true}).Cycles()
	require.Len(t, cycles, 2)
	require.Equal(t, "net_rx_action", cycles[0][0].Name)
	require.Equal(t, "tcp_sendmsg", cycles[0][len(cycles[0])-1].Name)
	require.Equal(t, evidence.Cycle{{Name: "ip_rcv"}, {Name: "sock_write_iter"}, {Depth: 1, Name: "tcp_sendmsg"}}, cycles[1])
}

func TestCyclesOfBothEndsInOneTrace(t *testing.T) {
	cycles := evidence.Read(graphText, evidence.Cut{Sends: []string{"tcp_sendmsg"}, Every: 2}).Cycles()
	require.Len(t, cycles, 1)
	require.Equal(t, 2.0, evidence.Calls(cycles)["tcp_sendmsg"])
}

func TestCallsAreMedians(t *testing.T) {
	call := func(names ...string) (c evidence.Cycle) {
		for _, name := range names {
			c = append(c, evidence.Call{Name: name})
		}
		return c
	}
	cycles := []evidence.Cycle{call("a", "a"), call("a", "a", "tick"), call("a", "a", "b")}
	require.Equal(t, map[string]float64{"a": 2}, evidence.Calls(cycles))
	typical, ok := evidence.Typical(cycles)
	require.True(t, ok)
	require.Len(t, typical, 3)
	_, ok = evidence.Typical(nil)
	require.False(t, ok)
	require.Empty(t, evidence.Calls(nil))
}

// Two tasks that take turns in the middle of calls, with every function traced.
const everyText = ` 0)  client-1   |  ksys_write() {
 0)  client-1   |    mutex_lock();
 0)  client-1   |    tcp_sendmsg() {
 0)  client-1   |      schedule() {
 ------------------------------------------
 0)   client-1   =>    server-2
 ------------------------------------------

 0)  server-2   |  ksys_read() {
 0)  server-2   |    tcp_recvmsg() {
 0)  server-2   |      schedule() {
 0)  client-1   |      }
 0)  client-1   |      __kmalloc.constprop.0();
 0)  client-1   |      veth_xmit [veth]() {
 0)  client-1   |        /* netif_rx: dev=tbv-eth1 skbaddr=00 len=53 */
 0)  client-1   |        memset_it();
 0)  client-1   |      }
 0)  client-1   |    }
 0)  client-1   |  }
 0)  server-2   |      }
 0)  server-2   |      __kmalloc();
 0)  client-1   |  ksys_write() {
 0)  client-1   |    tcp_sendmsg();
 0)  client-1   |  }
`

// Each task's calls are below its own, and what is shown is what a trace of the network's
// functions alone would show.
func TestCallersAreOfTheirTask(t *testing.T) {
	trace := evidence.Read(everyText, evidence.Cut{Sends: []string{"tcp_sendmsg"}})
	require.Equal(t, []evidence.Frame{
		{0, "ksys_write", 1}, {1, "mutex_lock", 1}, {1, "tcp_sendmsg", 1}, {2, "schedule", 1}, {2, "__kmalloc", 1},
		{2, "veth_xmit", 1}, {3, "memset_it", 1},
		{0, "ksys_read", 1}, {1, "tcp_recvmsg", 1}, {2, "schedule", 1}, {2, "__kmalloc", 1},
	}, trace.Callers())
	require.Equal(t, []evidence.Cycle{{
		{Depth: 0, Name: "tcp_sendmsg"}, {Depth: 0, Name: "tcp_recvmsg"}, {Depth: 1, Name: "veth_xmit"},
		{Depth: 2, Name: "netif_rx", Device: "tbv-eth1"},
	}}, trace.Network())
	require.Empty(t, evidence.Read("", evidence.Cut{}).Callers())
}
