package kconfig_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/kconfig"
)

const text = `#
# Automatically generated file; DO NOT EDIT.
# Linux/x86 6.12.117 Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="gcc = 14"
CONFIG_IPVLAN=m
CONFIG_NETKIT=y
# CONFIG_VETH is not set

CONFIG_LOG_BUF_SHIFT=17
`

func TestRead(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for name, content := range map[string]string{"plain": text, "as in /proc": zipped.String()} {
		t.Run(name, func(t *testing.T) {
			config, err := kconfig.Read(strings.NewReader(content))
			require.NoError(t, err)
			require.Equal(t, "6.12.117", config.Version)
			require.Equal(t, "x86", config.Architecture)
			require.True(t, config.Module("CONFIG_IPVLAN") && config.Has("CONFIG_IPVLAN") && !config.BuiltIn("CONFIG_IPVLAN"))
			require.True(t, config.BuiltIn("CONFIG_NETKIT") && config.Has("CONFIG_NETKIT"))
			require.False(t, config.Has("CONFIG_VETH") || config.Has("CONFIG_LOG_BUF_SHIFT"))
			require.Equal(t, []string{"CONFIG_VETH"}, config.Lacks([]kconfig.Feature{kconfig.Veth, kconfig.Ipvlan}))
			require.Empty(t, config.TooOld([]kconfig.Feature{kconfig.Scrub, kconfig.Veth}))
		})
	}
}

func TestReadErrors(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":         {"", "sets no option"},
		"only comments": {"# CONFIG_VETH is not set\n", "sets no option"},
		"another file":  {"CONFIG_A=y\nmodule example\n", `line 2 is no option of a kernel's configuration: "module example"`},
		"a kernel":      {"\x7fELF\x02", "line 1 is no option"},
		"cut short":     {"\x1f\x8b\x08", "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kconfig.Read(strings.NewReader(tt.text))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestOlder(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"6.12.117", "6.12", false}, {"6.9.1", "6.12", true}, {"7.0-rc1", "6.12", false},
		{"6.7-rc3", "6.7", false}, {"5.19", "6.0", true}, {"", "3.9", true},
	} {
		require.Equal(t, tt.want, kconfig.Older(tt.a, tt.b), "%s < %s", tt.a, tt.b)
	}
}

func TestFragmentHasEachOptionOnceWithWhatItRequires(t *testing.T) {
	var b strings.Builder
	require.NoError(t, kconfig.WriteFragment(&b, []kconfig.Need{
		{For: "mode a", Features: []kconfig.Feature{kconfig.Macvlan}},
		{For: "mode b", Features: []kconfig.Feature{kconfig.Ipvlan, kconfig.IpvlanL3S, kconfig.ThreadedNAPI}},
		{For: "mode c", Features: []kconfig.Feature{kconfig.Macvlan, kconfig.Qdisc("pfifo_fast")}},
		{For: "mode d", Features: []kconfig.Feature{kconfig.Qdisc("fq_codel")}},
	}))
	require.Equal(t, `
# mode a
CONFIG_NET=y
CONFIG_INET=y
CONFIG_NETDEVICES=y
CONFIG_NET_CORE=y
CONFIG_MACVLAN=y

# mode b
CONFIG_NETFILTER=y
CONFIG_NETFILTER_ADVANCED=y
CONFIG_IPVLAN=y
CONFIG_IPVLAN_L3S=y

# mode d
CONFIG_NET_SCHED=y
CONFIG_NET_SCH_FQ_CODEL=y
`, b.String())
}
