package needs_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/internal/needs"
	"github.com/testbed-lab/testbed/kconfig"
)

// of is what an example needs.
func of(t *testing.T, lab string) []kconfig.Need {
	t.Helper()
	file, mistakes := hcl.Load(filepath.Join("../../examples", lab), hcl.Options{})
	require.False(t, mistakes.HasErrors())
	return needs.Of(*file.Lab)
}

// debian is the configuration of one of Debian's cloud kernels, as its package has it.
func debian(t *testing.T, release string) string {
	t.Helper()
	file, err := os.Open("testdata/config-" + release + ".gz")
	require.NoError(t, err)
	defer file.Close()
	plain, err := gzip.NewReader(file)
	require.NoError(t, err)
	text, err := io.ReadAll(plain)
	require.NoError(t, err)
	return string(text)
}

func read(t *testing.T, text string) *kconfig.Config {
	t.Helper()
	config, err := kconfig.Read(strings.NewReader(text))
	require.NoError(t, err)
	return config
}

const (
	lts    = "6.12.117+deb13-cloud-amd64"
	newest = "7.3.4+deb13-cloud-amd64"
)

// TestDebianHasAllThatAllModesNeed holds the whole fragment, with what its options
// require, against configurations of two kernels that run all of it.
func TestDebianHasAllThatAllModesNeed(t *testing.T) {
	var fragment bytes.Buffer
	require.NoError(t, kconfig.WriteFragment(&fragment, of(t, "all-modes.hcl")))
	asked := regexp.MustCompile(`(?m)^(CONFIG_\w+)=y$`).FindAllStringSubmatch(fragment.String(), -1)
	require.Greater(t, len(asked), 60)
	for _, release := range []string{lts, newest} {
		config := read(t, debian(t, release))
		require.True(t, strings.HasPrefix(release, config.Version), config.Version)
		for _, need := range of(t, "all-modes.hcl") {
			require.Empty(t, config.Lacks(need.Features), need.For)
			require.Empty(t, config.TooOld(need.Features), need.For)
		}
		for _, option := range asked {
			gone := option[1] == kconfig.ProcSysctl && release == newest
			require.True(t, gone || config.Has(option[1]), "%s is asked for, and %s has it not", option[1], release)
		}
	}
}

func TestWhatIsTakenAwayIsNamedByMode(t *testing.T) {
	tests := map[string]struct {
		option string
		modes  []string
	}{
		"ipvlan":  {"CONFIG_IPVLAN", []string{"ipvlan-l2", "ipvlan-l3", "ipvlan-l3s", "ipvlan_private-l2", "ipvlan_private-l3", "ipvlan_private-l3s", "ipvlan_vepa-l2", "ipvlan_vepa-l3", "ipvlan_vepa-l3s", "ipvlan_shim-l2", "ipvlan_shim-l3", "ipvlan_shim-l3s"}},
		"l3s":     {"CONFIG_IPVLAN_L3S", []string{"ipvlan-l3s", "ipvlan_private-l3s", "ipvlan_vepa-l3s", "ipvlan_shim-l3s"}},
		"ipvs":    {"CONFIG_IP_VS_RR", []string{"docker0_ipvs"}},
		"fq":      {"CONFIG_NET_SCH_FQ", []string{"tuned-fq"}},
		"overlay": {"CONFIG_VXLAN", []string{"overlay-vxlan"}},
		"bpf":     {"CONFIG_NET_CLS_BPF", []string{"veth_redirect", "netkit_redirect-l2", "netkit_redirect-l3"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			set := regexp.MustCompile("(?m)^" + tt.option + "=[ym]$")
			text := set.ReplaceAllString(debian(t, lts), "# "+tt.option+" is not set")
			config := read(t, text)
			var modes []string
			for _, need := range of(t, "all-modes.hcl") {
				if lacking := config.Lacks(need.Features); lacking != nil {
					require.Equal(t, []string{tt.option}, lacking)
					modes = append(modes, strings.TrimPrefix(need.For, "mode "))
				}
			}
			slices.Sort(modes)
			slices.Sort(tt.modes)
			require.Equal(t, tt.modes, modes)
		})
	}
}

func TestNeedsOfBackends(t *testing.T) {
	file, mistakes := hcl.Load("../../examples/container-latency.hcl", hcl.Options{})
	require.False(t, mistakes.HasErrors())
	for backend, want := range map[string]struct{ has, hasNot string }{
		"libvirt": {"CONFIG_VIRTIO_NET", "CONFIG_DMI"},
		"icount":  {"CONFIG_DMI", "CONFIG_HW_RANDOM_VIRTIO"},
		"local":   {"CONFIG_NET_NS", "CONFIG_BLK_DEV_INITRD"},
		"ssh":     {"CONFIG_NET_NS", "CONFIG_SERIAL_8250"},
	} {
		file.Lab.Backend = backend
		options := kconfig.Options(needs.Of(*file.Lab)[0].Features)
		require.Contains(t, options, want.has, backend)
		require.NotContains(t, options, want.hasNot, backend)
	}
}

func TestNeedsOfMachinesAndTests(t *testing.T) {
	text := `
lab "l" {}
image "i" {
  release  = "trixie"
  packages = ["podman"]
}
network "n" {
  subnet = "10.0.0.0/24"
}
vm "a" {
  image  = image.i
  cpus   = 2
  sysctl = { "net.bridge.bridge-nf-call-iptables" = "0" }
  nic {
    network = network.n
  }
}
vm "b" {
  image = image.i
  nic {
    network = network.n
  }
}
test "t" {
  protocol     = "tcp_rr"
  client       = vm.a
  server       = vm.b
  modes        = []
  busy_poll    = "50us"
  capabilities = true
  evidence     = true
}
`
	path := filepath.Join(t.TempDir(), "lab.hcl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	file, mistakes := hcl.Load(path, hcl.Options{})
	require.False(t, mistakes.HasErrors())
	found := map[string]string{}
	for _, need := range needs.Of(*file.Lab) {
		found[need.For] = strings.Join(kconfig.Options(need.Features), " ")
	}
	require.Contains(t, found["the guest's boot"], "CONFIG_SMP")
	require.Equal(t, "CONFIG_VIRTIO_BLK CONFIG_EROFS_FS CONFIG_OVERLAY_FS", found["the packages of image i"])
	require.Equal(t, "CONFIG_BRIDGE_NETFILTER", found["the sysctls of a"])
	require.Equal(t, "CONFIG_NET_RX_BUSY_POLL", found["busy_poll of test t"])
	require.Contains(t, found["evidence"], "CONFIG_FUNCTION_GRAPH_TRACER")
	require.Contains(t, found["capabilities"], "CONFIG_NF_TABLES_IPV4")
}
