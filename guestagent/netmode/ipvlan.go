package netmode

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/kconfig"
)

var ipvlanModes = map[string]netlink.IPVlanMode{
	"":    netlink.IPVLAN_MODE_L2,
	"l2":  netlink.IPVLAN_MODE_L2,
	"l3":  netlink.IPVLAN_MODE_L3,
	"l3s": netlink.IPVLAN_MODE_L3S,
}

var ipvlanFlags = map[string]netlink.IPVlanFlag{
	"":        netlink.IPVLAN_FLAG_BRIDGE,
	"bridge":  netlink.IPVLAN_FLAG_BRIDGE,
	"private": netlink.IPVLAN_FLAG_PRIVATE,
	"vepa":    netlink.IPVLAN_FLAG_VEPA,
}

// ipvlan puts a child of the NIC into the container, which shares the NIC's MAC.
// In l2 it answers ARP for the container's address; in l3 and l3s nobody does,
// so the container sends everything to its device and the peer needs a route.
func (b *build) ipvlan() (func() []step, error) {
	name := b.spec.Mode.Name
	mode, known := ipvlanModes[b.spec.Mode.Mode]
	if !known {
		return nil, fmt.Errorf("build mode %q: ipvlan mode %q is unknown; the kernel has l2, l3 and l3s", name, b.spec.Mode.Mode)
	}
	flag, known := ipvlanFlags[b.spec.Mode.Flag]
	if !known {
		return nil, fmt.Errorf("build mode %q: ipvlan flag %q is unknown; the kernel has bridge, private and vepa", name, b.spec.Mode.Flag)
	}
	if b.spec.Mode.Shim && flag != netlink.IPVLAN_FLAG_BRIDGE {
		return nil, fmt.Errorf("build mode %q: a shim needs ipvlan flag bridge; children with flag %s do not reach each other", name, b.spec.Mode.Flag)
	}
	return func() []step { return b.ipvlanSteps(mode, flag) }, nil
}

func (b *build) ipvlanSteps(mode netlink.IPVlanMode, flag netlink.IPVlanFlag) []step {
	needs := ipvlanNeeds(mode, flag)
	link := func(attrs netlink.LinkAttrs) netlink.Link {
		return &netlink.IPVlan{LinkAttrs: attrs, Mode: mode, Flag: flag}
	}
	child := func(attrs netlink.LinkAttrs) netlink.Link {
		b.note("ipvlan %s %s on %s", nameOf(ipvlanModes, mode), nameOf(ipvlanFlags, flag), b.spec.Self.Device)
		return link(attrs)
	}
	steps := []step{b.containerSpace(), b.childLink(child, checkIpvlan(mode, flag), needs...), b.bringUp()}
	if mode == netlink.IPVLAN_MODE_L2 {
		steps = append(steps, b.address(b.spec.Self.Container))
	} else {
		steps = append(steps, b.address(single(b.spec.Self.Container.Addr())), b.defaultRoute(nil))
	}
	return append(append(steps, b.operational()), b.shim(link, needs...)...)
}

func ipvlanNeeds(mode netlink.IPVlanMode, flag netlink.IPVlanFlag) []kconfig.Feature {
	needs := []kconfig.Feature{kconfig.Ipvlan}
	if mode == netlink.IPVLAN_MODE_L3S {
		needs = append(needs, kconfig.IpvlanL3S)
	}
	if flag != netlink.IPVLAN_FLAG_BRIDGE {
		needs = append(needs, kconfig.IpvlanFlags)
	}
	return needs
}

func checkIpvlan(mode netlink.IPVlanMode, flag netlink.IPVlanFlag) func(netlink.Link) error {
	return func(made netlink.Link) error {
		got := made.(*netlink.IPVlan)
		if got.Mode != mode || got.Flag != flag {
			return fmt.Errorf("read ipvlan %q back: %s, %s in place of %s, %s", inside,
				nameOf(ipvlanModes, got.Mode), nameOf(ipvlanFlags, got.Flag), nameOf(ipvlanModes, mode), nameOf(ipvlanFlags, flag))
		}
		return nil
	}
}
