package machinetest

import (
	"os"
	"strings"
	"testing"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// needs is what each kind of mode asks of a kernel. A guest that boots our image
// has all of it.
var needs = map[string]string{
	"veth": "CONFIG_VETH", "macvlan": "CONFIG_MACVLAN", "ipvlan": "CONFIG_IPVLAN", "netkit": "CONFIG_NETKIT",
	"vxlan": "CONFIG_VXLAN", "geneve": "CONFIG_GENEVE", "wireguard": "CONFIG_WIREGUARD",
}

// RequireUnsupported fails the test unless err names what the mode needs, and
// fails it too where the kernel's modules are at hand, so that a skip cannot hide
// a fault of ours.
func RequireUnsupported(t testing.TB, mode proto.Mode, err error) {
	t.Helper()
	need := needs[mode.Kind]
	if mode.Delay > 0 {
		need = "CONFIG_NET_SCH_NETEM"
	}
	switch named := need != "" && strings.Contains(err.Error(), need); {
	case named:
	case mode.Service == "ipvs":
		need = "CONFIG_IP_VS"
	case mode.Redirect != "":
		need = "CONFIG_NET_CLS_BPF"
	}
	if need == "" || !strings.Contains(err.Error(), need) {
		t.Fatalf("mode %q is unsupported, and the reason does not name what it needs (%s): %v", mode.Name, need, err)
	}
	content, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	folder := "/lib/modules/" + strings.TrimSpace(string(content))
	if _, missing := os.Stat(folder); missing == nil {
		t.Fatalf("mode %q is unsupported, though this machine has modules in %s: %v", mode.Name, folder, err)
	}
}
