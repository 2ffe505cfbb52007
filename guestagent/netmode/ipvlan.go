package netmode

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

var ipvlanModes = map[string]netlink.IPVlanMode{
	"":    netlink.IPVLAN_MODE_L2,
	"l2":  netlink.IPVLAN_MODE_L2,
	"l3":  netlink.IPVLAN_MODE_L3,
	"l3s": netlink.IPVLAN_MODE_L3S,
}

// ipvlan puts a child of the NIC into the container, which shares the NIC's MAC.
// In l2 it answers ARP for the container's address; in l3 and l3s nobody does,
// so the container sends everything to its device and the peer needs a route.
func (b *build) ipvlan() (func() []step, error) {
	mode, known := ipvlanModes[b.spec.Mode.Mode]
	if !known {
		return nil, fmt.Errorf("build mode %q: ipvlan mode %q is unknown; the kernel has l2, l3 and l3s", b.spec.Mode.Name, b.spec.Mode.Mode)
	}
	if flag := b.spec.Mode.Flag; flag != "" && flag != "bridge" {
		return nil, fmt.Errorf("build mode %q: ipvlan flag %q is not built yet; only bridge is", b.spec.Mode.Name, flag)
	}
	return func() []step { return b.ipvlanSteps(mode) }, nil
}

func (b *build) ipvlanSteps(mode netlink.IPVlanMode) []step {
	needs := []UnsupportedError{needsIpvlan}
	if mode == netlink.IPVLAN_MODE_L3S {
		needs = append(needs, needsL3S)
	}
	link := func(attrs netlink.LinkAttrs) netlink.Link {
		b.note("ipvlan %s bridge on %s", ipvlanName(mode), b.spec.Self.Device)
		return &netlink.IPVlan{LinkAttrs: attrs, Mode: mode, Flag: netlink.IPVLAN_FLAG_BRIDGE}
	}
	steps := []step{b.containerSpace(), b.childLink(link, checkIpvlan(mode), needs...), b.bringUp()}
	if mode == netlink.IPVLAN_MODE_L2 {
		return append(steps, b.address(b.spec.Self.Container), b.operational())
	}
	return append(steps, b.address(single(b.spec.Self.Container.Addr())), b.defaultRoute(nil), b.operational())
}

func checkIpvlan(mode netlink.IPVlanMode) func(netlink.Link) error {
	return func(made netlink.Link) error {
		got := made.(*netlink.IPVlan)
		if got.Mode != mode || got.Flag != netlink.IPVLAN_FLAG_BRIDGE {
			return fmt.Errorf("read ipvlan %q back: mode %s, flag %d in place of %s, bridge",
				inside, ipvlanName(got.Mode), got.Flag, ipvlanName(mode))
		}
		return nil
	}
}

func ipvlanName(mode netlink.IPVlanMode) string {
	for name, one := range ipvlanModes {
		if one == mode && name != "" {
			return name
		}
	}
	return fmt.Sprint(mode)
}
