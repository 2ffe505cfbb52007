package report_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

func TestVoid(t *testing.T) {
	rules := testbed.VoidRules{Steal: 0.05, Involuntary: 0.1, Retransmits: 2, ClockStep: 10 * time.Millisecond}
	none := testbed.VoidRules{Steal: -1, Involuntary: -1, Retransmits: -1, ClockStep: -1}
	for name, test := range map[string]struct {
		counters map[string]int64
		want     string
	}{
		"nothing":                  {nil, ""},
		"a tick that may be none":  {map[string]int64{"client.steal_ticks": 1}, ""},
		"as much as allowed":       {map[string]int64{"server.steal_ticks": 2, "client.tcp_retrans_segs": 2, "client.clock_step_ns": -10e6}, ""},
		"steal":                    {map[string]int64{"server.steal_ticks": 3}, "server: the hypervisor took its CPU for 20ms or more of 250ms: 8%, and steal allows 5%"},
		"steal of several CPUs":    {map[string]int64{"server.steal_ticks": 90}, "server: the hypervisor took its CPU for 250ms or more of 250ms: 100%, and steal allows 5%"},
		"switches":                 {map[string]int64{"client.context_switches_involuntary": 101}, "client: 101 involuntary context switches in 1000 transactions: 10.1%, and involuntary allows 10%"},
		"the server's connection":  {map[string]int64{"server.context_switches_involuntary": 101, "server.transactions": 1100}, ""},
		"the server's switches":    {map[string]int64{"server.context_switches_involuntary": 111, "server.transactions": 1100}, "server: 111 involuntary context switches in 1100 transactions: 10.1%, and involuntary allows 10%"},
		"retransmits":              {map[string]int64{"client.tcp_retrans_segs": 3}, "client: 3 TCP segments were sent again, and retransmits allows 2"},
		"a clock set back":         {map[string]int64{"client.clock_step_ns": -11e6}, "client: the wall clock was set by -11ms, and clock_step allows 10ms"},
		"the first rule that fits": {map[string]int64{"client.clock_step_ns": 1e9, "server.tcp_retrans_segs": 9}, "server: 9 TCP segments were sent again, and retransmits allows 2"},
	} {
		t.Run(name, func(t *testing.T) {
			b := testbed.Block{Nanoseconds: 250e6, Transactions: 1000, Counters: test.counters}
			require.Equal(t, test.want, report.Void(rules, b))
			require.Empty(t, report.Void(none, b), "a negative limit is none")
		})
	}
}
