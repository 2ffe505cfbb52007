package computer

import (
	"io/fs"

	"github.com/testbed-lab/testbed/guestagent/procfs"
)

// StateFiles are the patterns, as of [path.Match], of all that [State] reads, from the
// root on.
var StateFiles = []string{
	"proc/loadavg", "proc/stat", "proc/interrupts", "proc/softirqs",
	"proc/net/softnet_stat", "proc/thread-self/net/snmp", "proc/thread-self/net/netstat",
}

// State is what the kernel has done since it started, and how busy it is: two of them
// say what went on between, beside what was measured. Counts of the network's protocols
// are of the calling thread's namespace. What the kernel counts is there, also at 0.
func State(files fs.FS) map[string]any {
	r := root{files}
	state := map[string]any{
		"load":       r.read("proc/loadavg"), // Over 1, 5 and 15 minutes; running and all threads; the last process's number.
		"interrupts": procfs.Rows(r.text("proc/interrupts")),
		"softirqs":   procfs.Rows(r.text("proc/softirqs")),
		"softnet":    procfs.Softnet(r.text("proc/net/softnet_stat")),
		"netstat":    procfs.Protocols(r.text("proc/thread-self/net/snmp") + r.text("proc/thread-self/net/netstat")),
	}
	state["steal_ticks"] = Untold
	if ticks, told := procfs.Stat(r.text("proc/stat"))["steal_ticks"]; told {
		state["steal_ticks"] = ticks
	}
	return state
}
