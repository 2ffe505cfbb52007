package report

import (
	"fmt"
	"time"

	"github.com/testbed-lab/testbed/testbed"
)

// userTick is the unit of /proc/stat, 1/USER_HZ, which is 100 on all machines that
// the agent runs on.
const userTick = 10 * time.Millisecond

// blockEnds are the ends of a block, as its counters name them.
var blockEnds = []string{"client", "server"}

// Void says why a block that was measured whole does not count by rules declared
// before: the first that it breaks, with the figure. Empty: it counts. A counter
// that a machine does not have breaks none.
func Void(rules testbed.VoidRules, b testbed.Block) string {
	for _, rule := range []func(testbed.VoidRules, testbed.Block, string) string{stolen, preempted, retransmitted, stepped} {
		for _, end := range blockEnds {
			if reason := rule(rules, b, end); reason != "" {
				return end + ": " + reason
			}
		}
	}
	return ""
}

// stolen compares what was certainly taken away with the block's length. The
// difference of two rounded counts may be a tick too large, so one tick alone is
// none. The counter is of all the machine's CPUs, and the measuring thread is on
// one: of several the rule takes the worst case, which is the block's whole time.
func stolen(rules testbed.VoidRules, b testbed.Block, end string) string {
	taken := min(time.Duration(b.Counters[end+".steal_ticks"]-1)*userTick, time.Duration(b.Nanoseconds))
	if rules.Steal < 0 || taken <= 0 {
		return ""
	}
	share := float64(taken) / float64(b.Nanoseconds)
	if share <= rules.Steal {
		return ""
	}
	return fmt.Sprintf("the hypervisor took its CPU for %v or more of %v: %s, and steal allows %s",
		taken, time.Duration(b.Nanoseconds).Round(time.Millisecond), sharePercent(share), sharePercent(rules.Steal))
}

// preempted compares involuntary context switches of the measuring threads with
// the transactions that they were counted over: the server's are over the whole
// connection.
func preempted(rules testbed.VoidRules, b testbed.Block, end string) string {
	transactions := b.Transactions
	if n, known := b.Counters[end+".transactions"]; known {
		transactions = n
	}
	n := b.Counters[end+".context_switches_involuntary"]
	if rules.Involuntary < 0 || transactions <= 0 || float64(n) <= rules.Involuntary*float64(transactions) {
		return ""
	}
	return fmt.Sprintf("%d involuntary context switches in %d transactions: %s, and involuntary allows %s",
		n, transactions, sharePercent(float64(n)/float64(transactions)), sharePercent(rules.Involuntary))
}

func retransmitted(rules testbed.VoidRules, b testbed.Block, end string) string {
	n := b.Counters[end+".tcp_retrans_segs"]
	if rules.Retransmits < 0 || n <= rules.Retransmits {
		return ""
	}
	return fmt.Sprintf("%d TCP segments were sent again, and retransmits allows %d", n, rules.Retransmits)
}

func stepped(rules testbed.VoidRules, b testbed.Block, end string) string {
	step := time.Duration(b.Counters[end+".clock_step_ns"])
	if rules.ClockStep < 0 || step.Abs() <= rules.ClockStep {
		return ""
	}
	return fmt.Sprintf("the wall clock was set by %v, and clock_step allows %v", step, rules.ClockStep)
}

func sharePercent(share float64) string { return fmt.Sprintf("%.3g%%", share*100) }
