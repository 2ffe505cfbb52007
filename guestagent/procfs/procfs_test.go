package procfs_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/procfs"
)

type counts = map[string]int64

// Counters at 0 are told, and those that the kernel does not keep are not.
func TestTables(t *testing.T) {
	for name, c := range map[string]struct {
		read func(string) map[string]int64
		text string
		want counts
	}{
		"protocols": {procfs.Protocols, "Tcp: RetransSegs InErrs MaxConn\nTcp: 4 0 -1\nTcpExt: TCPTimeouts\nTcpExt: 2\n",
			counts{"Tcp.RetransSegs": 4, "Tcp.InErrs": 0, "Tcp.MaxConn": -1, "TcpExt.TCPTimeouts": 2}},
		"a table that ends early":   {procfs.Protocols, "Tcp: RetransSegs InErrs\nTcp: 4\nUdp: InErrors\n", counts{"Tcp.RetransSegs": 4}},
		"a value that is no number": {procfs.Protocols, "Tcp: RetransSegs InErrs\nTcp: some 1\n", counts{"Tcp.InErrs": 1}},
		"rows": {procfs.Rows, "       CPU0  CPU1\n NET_RX:  10 20\n HRTIMER:  0 0\n  24:  3 4 PCI-MSIX eth1-rx\n ERR: 0\n",
			counts{"NET_RX": 30, "HRTIMER": 0, "24 PCI-MSIX eth1-rx": 7, "ERR": 0}},
		"softnet":                {procfs.Softnet, "0000000a 00000001 00000000 7\n00000010 00000000 00000000 7\n", counts{"processed": 26, "dropped": 1, "squeezed": 0}},
		"softnet without more":   {procfs.Softnet, "0000000a\n", counts{"processed": 10}},
		"stat":                   {procfs.Stat, "cpu  1 2 3 4 5 6 0 7 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 12 3 9\nctxt 5\n", counts{"steal_ticks": 7, "interrupts": 12, "context_switches": 5}},
		"a kernel without steal": {procfs.Stat, "cpu  1 2 3 4\nintr 0\n", counts{"interrupts": 0}},
		"memory":                 {procfs.Memory, "MemTotal:  384 kB\nMemAvailable:       0 kB\nHugePages_Total:       3\nBad: x kB\n", counts{"MemTotal": 384 << 10, "MemAvailable": 0}},
		"no memory":              {procfs.Memory, "", counts{}},
		"no protocols":           {procfs.Protocols, "", counts{}},
		"no rows":                {procfs.Rows, "", counts{}},
		"no softnet":             {procfs.Softnet, "", counts{}},
		"no stat":                {procfs.Stat, "", counts{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.read(c.text)) })
	}
}

// The kernel that runs has them in the form that is read.
func TestOfThisKernel(t *testing.T) {
	for name, c := range map[string]struct {
		read func(string) map[string]int64
		want []string
	}{
		"/proc/net/snmp":         {procfs.Protocols, []string{"Tcp.RetransSegs", "Udp.InErrors", "Udp.RcvbufErrors"}},
		"/proc/net/netstat":      {procfs.Protocols, []string{"TcpExt.TCPTimeouts"}},
		"/proc/softirqs":         {procfs.Rows, []string{"NET_RX", "NET_TX"}},
		"/proc/net/softnet_stat": {procfs.Softnet, []string{"processed", "dropped", "squeezed"}},
		"/proc/meminfo":          {procfs.Memory, []string{"MemTotal", "MemAvailable"}},
		"/proc/stat":             {procfs.Stat, []string{"steal_ticks", "interrupts", "context_switches"}},
	} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		found := c.read(string(text))
		for _, counter := range c.want {
			require.Contains(t, found, counter, name)
		}
	}
}
