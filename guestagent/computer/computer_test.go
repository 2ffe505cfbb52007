package computer

import (
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestFacts(t *testing.T) {
	facts := Facts(Here())
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(release)), Release(Here()))
	// All are named, and told where the kernel tells.
	for name, file := range map[string]string{
		"cpu_model": "proc/cpuinfo", "cpu_microcode": "proc/cpuinfo", "mitigations": processors + "/vulnerabilities/meltdown",
		"smt": processors + "/smt/control", "governor": processors + "/cpufreq/policy0/scaling_governor",
		"turbo": processors + "/cpufreq/boost", "numa": nodes + "/online", "c_states": processors + "/cpuidle/current_driver",
	} {
		require.NotEmpty(t, facts[name], name)
		if _, err := fs.Stat(Here(), file); err == nil {
			require.NotEqual(t, Untold, facts[name], name)
		}
	}
	_, err = json.Marshal(facts)
	require.NoError(t, err)
}

// All that is read is among Files, by which the files of another computer are fetched.
func TestFilesAreAllThatIsRead(t *testing.T) {
	fetched := fstest.MapFS{}
	for _, pattern := range Files {
		names, err := fs.Glob(Here(), pattern)
		require.NoError(t, err, pattern)
		for _, name := range names {
			if content, err := fs.ReadFile(Here(), name); err == nil {
				fetched[name] = &fstest.MapFile{Data: content}
			}
		}
	}
	require.Equal(t, Facts(Here()), Facts(fetched))
	here, there := State(Here()), State(fetched)
	for name := range here {
		require.IsType(t, here[name], there[name], name)
		require.NotZero(t, there[name], name)
	}
}

func TestUntold(t *testing.T) {
	nowhere := root{fstest.MapFS{}}
	require.Equal(t, Untold, nowhere.read("none"))
	require.Equal(t, Untold, nowhere.all("policy*"))
	require.Empty(t, nowhere.folder("none"))
}

func TestState(t *testing.T) {
	before := State(Here())
	for _, name := range []string{"load", "interrupts", "softirqs", "softnet", "netstat"} {
		require.NotEmpty(t, before[name], name)
	}
	require.Contains(t, before, "steal_ticks")
	_, err := json.Marshal(before)
	require.NoError(t, err)
}

func TestTables(t *testing.T) {
	require.Equal(t, map[string]int64{"NET_RX": 30, "24 PCI-MSIX eth1-rx": 7}, rows("       CPU0  CPU1\n NET_RX:  10 20\n HRTIMER:  0 0\n  24:  3 4 PCI-MSIX eth1-rx\n ERR: 0\n"))
	require.Equal(t, map[string]int64{"processed": 26, "dropped": 1, "squeezed": 2}, softnet("0000000a 00000001 00000002\n00000010 00000000 00000000\n"))
	require.Equal(t, map[string]int64{"Tcp.RetransSegs": 4, "TcpExt.TCPTimeouts": 2}, protocols("Tcp: RetransSegs InErrs\nTcp: 4 0\nTcpExt: TCPTimeouts\nTcpExt: 2\n"))
	require.EqualValues(t, 7, steal("cpu  1 2 3 4 5 6 0 7 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	require.Zero(t, steal(""))
	require.Empty(t, rows(""))
}
