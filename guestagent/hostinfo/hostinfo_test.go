package hostinfo_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/hostinfo"
)

func TestCollect(t *testing.T) {
	facts := hostinfo.Collect("lo", "nosuch0")
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(release)), facts["kernel_release"])
	for _, name := range []string{"cmdline", "cpu_model", "cpus", "memory_bytes", "taint", "sysctl", "modules", "mitigations"} {
		require.Contains(t, facts, name)
	}
	require.IsType(t, int64(0), facts["taint"])
	others := facts["sysctl_others"].(map[string]string)
	require.Contains(t, others, "net.ipv4.tcp_slow_start_after_idle")
	require.Contains(t, others, "net.ipv4.conf.all.arp_ignore")
	for name := range others {
		require.NotContains(t, facts["sysctl"], name, "once")
		require.NotContains(t, name, ".conf.lo.", "a device's own")
		require.NotContains(t, name, "fastopen_key", "a secret")
	}
	nics := facts["nics"].(map[string]any)
	require.Equal(t, 65536, nics["lo"].(map[string]any)["mtu"])
	require.Contains(t, nics["lo"], "offloads")
	require.Contains(t, nics["nosuch0"].(map[string]any)["error"], "not found")
	_, err = json.Marshal(facts)
	require.NoError(t, err)
}
