package netmode

import (
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// vethMasquerade is what Docker does by default: a bridge of its own with a
// private subnet, masquerade on the way out, and at a server a published port.
func (b *build) vethMasquerade() []step {
	bridge, pair := b.name(bridgePrefix), b.outerEnd()
	inner := b.spec.Inner
	steps := []step{
		b.containerSpace(),
		b.bridge(func() []byte { return hardware(0x42, inner.Gateway.Addr()) }),
		b.bridgeAddress(inner.Gateway),
		b.linkUp(bridge),
		b.pair(),
		b.enslave(pair, false),
		b.linkUp(pair),
		b.bringUp(),
		b.address(inner.Container),
		b.defaultRoute(inner.Gateway.Addr().AsSlice()),
		b.forwardDevice(bridge),
		b.forward(b.spec.Self.Device),
		b.masquerade(),
	}
	if b.spec.Mode.Rules > 0 {
		steps = append(steps, b.moreRules())
	}
	if b.spec.Role == proto.Server {
		steps = append(steps, b.publishedPorts()...)
	}
	return append(steps, b.operational(bridge, pair))
}

func (b *build) bridgeAddress(address netip.Prefix) step {
	return step{name: "give the bridge an address", do: func() error {
		b.note("bridge %s %s", b.name(bridgePrefix), address)
		return b.withLink(b.name(bridgePrefix), func(link netlink.Link) error {
			return addAddress(b.machine.links, link, address)
		})
	}}
}
