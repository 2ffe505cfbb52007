package netmode

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// siblingPrefix is of the outer end of a sibling's pair.
const siblingPrefix = "tbo-"

// Sibling is a second container on the same NIC, in the same mode. It ends before
// its mode does.
type Sibling struct {
	Local netip.Addr
	build *build
}

// Inside runs f in it.
func (s *Sibling) Inside(f func() error) error { return s.build.space.Do(f) }

// Remove undoes it.
func (s *Sibling) Remove() error { return s.build.undone.rollBack() }

// Sibling builds a second container. Its error may be the answer: some modes have
// room for one only.
func (m *Mode) Sibling(ctx context.Context) (*Sibling, error) {
	first := m.build
	if first.spec.Mode.Kind == KindContainer {
		return nil, fmt.Errorf("%w: only its engine could make one like it", ErrNoSibling)
	}
	b := &build{
		machine: first.machine, spec: first.spec, nic: first.nic, made: map[string]netlink.Link{},
		outer: siblingPrefix, undone: transaction{before: first.undone.before},
	}
	var err error
	address := b.containerAddress()
	if *address, err = beside(*address); err != nil {
		return nil, err
	}
	b.spec.Mode.Shim, b.spec.Mode.Service, b.spec.Mode.Tuning = false, "", proto.Tuning{}
	b.mode = &Mode{build: b}
	if bridge, has := first.made[first.name(bridgePrefix)]; has {
		b.made[b.name(bridgePrefix)] = bridge
	}
	steps, err := b.siblingSteps()
	if err != nil {
		return nil, err
	}
	if err := b.undone.run(ctx, steps); err != nil {
		return nil, fmt.Errorf("build a sibling: %w", err)
	}
	return &Sibling{Local: b.mode.Local, build: b}, nil
}

// ErrNoSibling says that there cannot be a sibling, for a reason that is none of
// the mode's.
var ErrNoSibling = errors.New("there is no second container to ask")

// containerAddress is where the spec has the address of a container of this mode.
func (b *build) containerAddress() *netip.Prefix {
	switch {
	case b.tunnels():
		return &b.spec.Self.Overlay
	case b.spec.Mode.Masquerade:
		return &b.spec.Inner.Container
	}
	return &b.spec.Self.Container
}

// beside is an address that no first container has: 50 further on, within the
// subnet and before its broadcast address.
func beside(p netip.Prefix) (netip.Prefix, error) {
	four := p.Addr().As4()
	four[3] += 50
	found := netip.PrefixFrom(netip.AddrFrom4(four), p.Bits())
	if found.Addr().Less(p.Addr()) || !p.Masked().Contains(found.Addr().Next()) {
		return p, fmt.Errorf("%w: the subnet of %s has no address for it, 50 after the first", ErrNoSibling, p)
	}
	return found, nil
}

func (b *build) siblingSteps() ([]step, error) {
	mode, pair := b.spec.Mode, b.outerEnd()
	switch {
	case mode.Kind == KindMacvlan || mode.Kind == KindIpvlan:
		container, err := b.kind()
		if err != nil {
			return nil, err
		}
		return container(), nil
	case mode.Kind == KindNetkit:
		container, err := b.netkit()
		if err != nil {
			return nil, err
		}
		return container(), nil
	case mode.Kind == KindVeth && mode.Uplink == "routed":
		return b.vethRouted(), nil
	case mode.Kind == KindWireguard:
		container := single(b.spec.Self.Overlay.Addr())
		return []step{
			b.containerSpace(), b.pair(), b.proxy(pair), b.linkUp(pair), b.bringUp(), b.address(container),
			b.defaultRoute(routedGateway), b.containerRoute(pair, container.Addr()), b.operational(pair),
		}, nil
	case mode.Kind == KindVeth || mode.Kind == KindVxlan || mode.Kind == KindGeneve:
		return b.bridgedSibling(pair), nil
	}
	return nil, errors.New("a machine without a container has no sibling of it")
}

// bridgedSibling is one more port of the bridge.
func (b *build) bridgedSibling(pair string) []step {
	return []step{
		b.containerSpace(), b.pair(), b.enslave(pair, false), b.linkUp(pair), b.bringUp(), b.address(*b.containerAddress()), b.operational(pair),
	}
}
