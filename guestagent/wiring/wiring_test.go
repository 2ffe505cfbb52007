package wiring

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSysctlPath(t *testing.T) {
	for name, want := range map[string]string{
		"net.ipv4.ip_forward": "net/ipv4/ip_forward", "net/ipv4/conf/eth1.100/forwarding": "net/ipv4/conf/eth1.100/forwarding",
		"net.ipv4.conf.eth1/100.forwarding": "net/ipv4/conf/eth1.100/forwarding", "net/../../etc/passwd": "etc/passwd",
	} {
		require.Equal(t, want, SysctlPath(name))
	}
	require.NoError(t, CheckSysctls(map[string]string{"net.core.somaxconn": "1"}))
	for _, name := range []string{"kernel.hostname", "network.x", "net/../kernel/hostname"} {
		require.ErrorContains(t, CheckSysctls(map[string]string{name: "1"}), "whole kernel")
	}
}
