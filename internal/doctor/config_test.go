package doctor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/kconfig"
)

func TestConfig(t *testing.T) {
	needs := []kconfig.Need{
		{For: "mode plain"},
		{For: "mode ipvlan", Features: []kconfig.Feature{kconfig.Ipvlan, kconfig.IpvlanFlags}},
		{For: "mode l3s", Features: []kconfig.Feature{kconfig.Ipvlan, kconfig.IpvlanL3S}},
		{For: "mode netkit", Features: []kconfig.Feature{kconfig.Netkit}},
		{For: "mode nat", Features: []kconfig.Feature{kconfig.Veth, kconfig.Bridge, kconfig.Tables, kconfig.NAT, kconfig.Masquerade}},
		{For: "napi", Features: []kconfig.Feature{kconfig.ThreadedNAPI}},
	}
	const all = "CONFIG_IPVLAN=m\nCONFIG_IPVLAN_L3S=y\nCONFIG_NETKIT=y\nCONFIG_VETH=m\nCONFIG_BRIDGE=m\nCONFIG_NF_TABLES_IPV4=y\nCONFIG_NFT_NAT=m\nCONFIG_NFT_MASQ=m\n"
	const titled = "# Linux/x86 6.12.117 Kernel Configuration\n"
	tests := map[string]struct {
		config string
		worst  Level
		want   map[string]string // Level and detail, or remedy, by name.
	}{
		"has all": {titled + all, OK, map[string]string{
			"mode ipvlan":    "ok CONFIG_IPVLAN=m",
			"mode l3s":       "ok CONFIG_IPVLAN=m, CONFIG_IPVLAN_L3S=y",
			"mode nat":       "ok all 5 options are set, 1 to y and 4 to m",
			"kernel version": "ok 6.12.117, and mode netkit needs the most: 6.7 (netkit)",
		}},
		"no ipvlan": {titled + strings.Replace(all, "CONFIG_IPVLAN=m", "# CONFIG_IPVLAN is not set", 1), Missing, map[string]string{
			"mode ipvlan": "missing CONFIG_IPVLAN is not set (ipvlan; built in or as module ipvlan)",
			"mode l3s":    "missing CONFIG_IPVLAN is not set (ipvlan; built in or as module ipvlan)",
			"mode netkit": "ok CONFIG_NETKIT=y",
		}},
		"bool": {titled + strings.Replace(all, "CONFIG_NETKIT=y", "", 1), Missing, map[string]string{
			"mode netkit": "missing CONFIG_NETKIT is not set (netkit)",
		}},
		"too old": {"# Linux/x86 5.10.1 Kernel Configuration\n" + all, Missing, map[string]string{
			"mode netkit":    "ok CONFIG_NETKIT=y",
			"kernel version": "missing 5.10.1, and mode netkit needs 6.7 (netkit), napi needs 5.12 (threaded NAPI)",
		}},
		"no version": {all, Warn, map[string]string{"kernel version": "warn the configuration does not say of which kernel it is"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			config, err := kconfig.Read(strings.NewReader(tt.config))
			require.NoError(t, err)
			findings := Config("x/.config", config, needs)
			require.Equal(t, tt.worst, Worst(findings))
			got := map[string]string{}
			for _, f := range findings {
				got[f.Name] = string(f.Level) + " " + f.Detail
				if f.Name != "kernel version" {
					require.Equal(t, f.Level == Missing, f.Remedy != "")
				}
			}
			require.NotContains(t, got, "mode plain")
			for name, want := range tt.want {
				require.Equal(t, want, got[name])
			}
		})
	}
}

func TestConfigRemedySetsWhatIsRequiredToo(t *testing.T) {
	config, err := kconfig.Read(strings.NewReader("CONFIG_NET=y\nCONFIG_INET=y\n"))
	require.NoError(t, err)
	for path, first := range map[string]string{
		"x/.config":        "scripts/config --file x/.config",
		"/proc/config.gz":  "zcat /proc/config.gz > .config && scripts/config --file .config",
		"/boot/config-6.1": "cp /boot/config-6.1 .config && scripts/config --file .config",
	} {
		findings := Config(path, config, []kconfig.Need{{For: "mode a", Features: []kconfig.Feature{kconfig.Ipvlan}}})
		require.Equal(t, first+" -e NETFILTER -e NETFILTER_ADVANCED -e NETDEVICES -e NET_CORE -e IPVLAN && make olddefconfig", findings[0].Remedy)
	}
}
