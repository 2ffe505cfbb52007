package netmode_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// TestAFixedOffloadLeavesTheOthers: the NIC outlives the mode, and what could be changed
// beside what could not would be measured in every mode after it. A bridge holds its
// checksums fixed, as virtio's NIC does, and not its GRO.
func TestAFixedOffloadLeavesTheOthers(t *testing.T) {
	self, peer := machinetest.Pair(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "odd0"
	require.NoError(t, self.Links.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
	before := self.Snapshot(t)
	s := spec(proto.Mode{Name: "m", Kind: "host", Tuning: proto.Tuning{GRO: &off, RxChecksum: &on}}, proto.Client, self, peer)
	s.Self.Device = "odd0"
	_, err := open(t, self).Build(t.Context(), s)
	require.ErrorIs(t, err, netmode.ErrUnsupported)
	require.ErrorContains(t, err, "rx-checksum on cannot be set on odd0: its driver (bridge) does not let it be changed")
	self.RequireUnchanged(t, before)
}

// TestNICKeepsItsIPv6 at the smallest MTU that it may have.
func TestNICKeepsItsIPv6(t *testing.T) {
	self, peer := machinetest.Pair(t)
	self.SwitchOnIPv6(t)
	before := self.Snapshot(t)
	built, err := open(t, self).Build(t.Context(), spec(proto.Mode{Name: "m", Kind: "host", Tuning: proto.Tuning{MTU: 1280}}, proto.Client, self, peer))
	require.NoError(t, err)
	require.NoError(t, built.TearDown())
	self.RequireUnchanged(t, before)
}

// TestQdiscIsRefusedInWords: only what a kernel could have is missing from it.
func TestQdiscIsRefusedInWords(t *testing.T) {
	self, peer := machinetest.Pair(t)
	before := self.Snapshot(t)
	for qdisc, want := range map[string]string{
		"fqq": "Linux has none of that name, unless it is your own",
		"tbf": "it takes parameters, and a mode gives it none",
	} {
		mode := proto.Mode{Name: "m", Kind: "host", Tuning: proto.Tuning{Qdisc: qdisc}}
		_, err := open(t, self).Build(t.Context(), spec(mode, proto.Client, self, peer))
		if qdisc == "tbf" && errors.Is(err, netmode.ErrUnsupported) {
			require.ErrorContains(t, err, "CONFIG_NET_SCH_TBF")
			continue
		}
		require.NotErrorIs(t, err, netmode.ErrUnsupported)
		require.ErrorContains(t, err, want)
	}
	self.RequireUnchanged(t, before)
}
