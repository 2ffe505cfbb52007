package report

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// TestLeaksAreTold: what a mode left is a warning, and neither that nor a kernel without
// kmemleak changes what the mode's figures are worth.
func TestLeaksAreTold(t *testing.T) {
	in := typical().input(t)
	pass := func(mode, status, reason string, found ...testbed.Leak) {
		in.Blocks = append(in.Blocks, testbed.Block{
			Test: "tcp_rr", Cell: map[string]string{}, Mode: mode, Index: len(in.Blocks), Pass: leakPass, Status: status, Reason: reason, Leaks: found,
		})
	}
	const lacks = "client: this kernel has no kmemleak"
	lost := testbed.Leak{Machine: "client", Objects: 2, Size: 512, Task: "agent", Frames: []string{"ipvlan_link_new [ipvlan]", "rtnl_newlink"}}
	pass("host", testbed.StatusOK, "")
	pass("routed", testbed.StatusUnsupported, lacks)
	pass("macvlan", testbed.StatusUnsupported, lacks)
	pass("ipvlan_l2", testbed.StatusOK, "", lost)
	pass("ipvlan_l3", testbed.StatusFailed, "client: read kmemleak: input/output error")
	r, err := Analyze(in)
	require.NoError(t, err)
	require.Contains(t, r.Warnings, "tcp_rr: ipvlan_l2: kmemleak: client lost 2 objects of 512 B, allocated by agent in ipvlan_link_new [ipvlan] < rtnl_newlink")
	for _, m := range r.Tests[0].Modes {
		require.Equal(t, testbed.StatusOK, m.Status, m.Name)
	}
	require.Equal(t, []string{
		"kmemleak: memory lost after ipvlan_l2: see the warnings", "kmemleak: no memory lost after host",
		"kmemleak, routed and macvlan: unsupported: " + lacks,
		"kmemleak, ipvlan_l3: failed: client: read kmemleak: input/output error",
	}, leakNotes(r.Tests[0]))
	text, err := JSON(r)
	require.NoError(t, err)
	require.NoError(t, validate(t, text))
	var b bytes.Buffer
	require.NoError(t, Terminal(&b, r, TerminalOptions{}))
	require.Contains(t, b.String(), "kmemleak: no memory lost after host\n")
}
