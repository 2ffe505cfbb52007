package netmode

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/kconfig"
)

const netkitPrefix = "tbn-"

var netkitModes = map[string]netlink.NetkitMode{
	"":   netlink.NETKIT_MODE_L3,
	"l3": netlink.NETKIT_MODE_L3,
	"l2": netlink.NETKIT_MODE_L2,
}

var netkitScrubs = map[string]netlink.NetkitScrub{
	"":        netlink.NETKIT_SCRUB_DEFAULT,
	"default": netlink.NETKIT_SCRUB_DEFAULT,
	"none":    netlink.NETKIT_SCRUB_NONE,
}

// netkit is a pair as veth is, whose devices run a BPF program in place of the
// peer's receive path. Without one (policy forward) the packet takes that path.
// It is routed as Cilium does, a /32 address in the container and a route to it
// on the machine; in l3 the pair has no Ethernet header and so no ARP.
func (b *build) netkit() (func() []step, error) {
	name := b.spec.Mode.Name
	mode, known := netkitModes[b.spec.Mode.Mode]
	if !known {
		return nil, fmt.Errorf("build mode %q: netkit mode %q is unknown; the kernel has l3 and l2", name, b.spec.Mode.Mode)
	}
	scrub, known := netkitScrubs[b.spec.Mode.Scrub]
	if !known {
		return nil, fmt.Errorf("build mode %q: scrub %q is unknown; there are default and none", name, b.spec.Mode.Scrub)
	}
	return func() []step { return b.netkitSteps(mode, scrub) }, nil
}

func (b *build) netkitSteps(mode netlink.NetkitMode, scrub netlink.NetkitScrub) []step {
	name := b.outerEnd()
	steps := []step{b.containerSpace(), b.netkitPair(name, mode, scrub), b.checkNetkit(name, mode, scrub)}
	if mode == netlink.NETKIT_MODE_L2 {
		steps = append(steps, b.proxy(name), b.gatewayRoute())
	} else {
		steps = append(steps, b.forwardDevice(name))
	}
	steps = append(steps, b.linkUp(name), b.bringUp(), b.address(single(b.spec.Self.Container.Addr())))
	if mode == netlink.NETKIT_MODE_L2 {
		steps = append(steps, b.defaultRoute(routedGateway))
	} else {
		steps = append(steps, b.defaultRoute(nil))
	}
	steps = append(steps, b.containerRoute(name, b.spec.Self.Container.Addr()), b.forward(b.spec.Self.Device))
	if b.spec.Mode.Redirect != "" {
		steps = append(steps, b.redirectNetkit(name), b.redirectArrivals(name))
	}
	return append(steps, b.operational(name))
}

func (b *build) netkitPair(name string, mode netlink.NetkitMode, scrub netlink.NetkitScrub) step {
	return b.machineLink(name, func() netlink.Link {
		attrs, peer := netlink.NewLinkAttrs(), netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = name, b.nic.Attrs().MTU
		peer.Name, peer.MTU, peer.Namespace = inside, attrs.MTU, netlink.NsFd(b.space.FD())
		if mode == netlink.NETKIT_MODE_L2 {
			peer.HardwareAddr = hardware(0x42, b.spec.Self.Container.Addr())
		}
		link := &netlink.Netkit{
			LinkAttrs: attrs, Mode: mode, Policy: netlink.NETKIT_POLICY_FORWARD, PeerPolicy: netlink.NETKIT_POLICY_FORWARD,
			Scrub: scrub, PeerScrub: scrub,
		}
		link.SetPeerAttrs(&peer)
		return link
	}, kconfig.Netkit)
}

// checkNetkit reads back what the kernel made: one older than the scrub
// attribute ignores it without a word, and always scrubs.
func (b *build) checkNetkit(name string, mode netlink.NetkitMode, scrub netlink.NetkitScrub) step {
	return step{name: "read " + name + " back", do: func() error {
		link, err := b.machine.links.LinkByName(name)
		if err != nil {
			return fmt.Errorf("read netkit %q back: %w", name, err)
		}
		got, is := link.(*netlink.Netkit)
		switch {
		case !is:
			return fmt.Errorf("read netkit %q back: the kernel made it a %s", name, link.Type())
		case got.Mode != mode:
			return fmt.Errorf("read netkit %q back: mode %s in place of %s", name, nameOf(netkitModes, got.Mode), nameOf(netkitModes, mode))
		case !got.SupportsScrub() && scrub == netlink.NETKIT_SCRUB_NONE:
			return &UnsupportedError{kconfig.Scrub}
		case got.SupportsScrub() && (got.Scrub != scrub || got.PeerScrub != scrub):
			return fmt.Errorf("read netkit %q back: scrub %s in place of %s", name, nameOf(netkitScrubs, got.Scrub), nameOf(netkitScrubs, scrub))
		}
		b.note("netkit %s %s ↔ %s, scrub %s", nameOf(netkitModes, mode), inside, name, nameOf(netkitScrubs, scrub))
		return nil
	}}
}
