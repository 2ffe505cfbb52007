package netmode

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/running"
)

// found is a container of somebody else's, and how its packets leave it.
type found struct {
	running.Container
	device  netlink.Link
	address netip.Prefix
}

// running enters a container that an engine runs. Nothing of it is changed: the
// socket lives in its namespace, with the address and the routes that it has.
func (b *build) running() []step {
	var c found
	steps := []step{{
		name: "find the container " + b.spec.Mode.Container,
		do: func() (err error) {
			if c.Container, err = running.Find(context.Background(), b.spec.Mode.Container); err != nil {
				return err
			}
			return b.enter(&c)
		},
		undo: b.leave,
	}}
	if b.spec.Role == proto.Server {
		steps = append(steps, step{name: "find a way into the container", do: func() error { return b.wayIn(c) }})
	}
	return steps
}

func (b *build) enter(c *found) error {
	space, err := namespace.Of(c.PID)
	if err != nil {
		return err
	}
	b.space = space
	if b.links, err = openHandle(space); err != nil {
		b.links = nil
		return errors.Join(err, b.leave())
	}
	if err := b.wayOut(c); err != nil {
		return errors.Join(err, b.leave())
	}
	b.eth0 = c.device
	b.at(c.address.Addr())
	name := c.device.Attrs().Name
	if c.Engine != "" {
		b.note("%s container %.12s of image %q, PID %d", c.Engine, c.ID, c.Image, c.PID)
	} else {
		b.note("PID %d", c.PID)
	}
	b.note("container %s (%s) %s", name, c.device.Type(), c.address)
	return nil
}

func (b *build) leave() error {
	if b.links != nil {
		b.links.Close()
	}
	err := b.space.Close()
	b.space, b.links, b.eth0 = nil, nil, nil
	return err
}

// wayOut finds the device and the address by which the container speaks to the
// other machine.
func (b *build) wayOut(c *found) error {
	peer := b.spec.Peer.Address.Addr()
	routes, err := b.links.RouteGet(peer.AsSlice())
	if err != nil {
		return fmt.Errorf("the container has no route to %s: %w", peer, err)
	}
	if len(routes) == 0 || routes[0].Src == nil {
		return fmt.Errorf("the container has no address to speak to %s from", peer)
	}
	if c.device, err = b.links.LinkByIndex(routes[0].LinkIndex); err != nil {
		return fmt.Errorf("find the container's device: %w", err)
	}
	addresses, err := b.links.AddrList(c.device, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list the container's addresses: %w", err)
	}
	for _, one := range addresses {
		if one.IP.Equal(routes[0].Src) {
			bits, _ := one.Mask.Size()
			address, _ := netip.AddrFromSlice(one.IP.To4())
			c.address = netip.PrefixFrom(address, bits)
			return nil
		}
	}
	return fmt.Errorf("the container speaks to %s from %s, which is not its own address", peer, routes[0].Src)
}

// wayIn says how the other machine reaches a server in the container: by its
// address, where that is on the segment, or else by ports that its engine
// publishes under their own number.
func (b *build) wayIn(c found) error {
	if b.spec.Self.Address.Masked().Contains(c.address.Addr()) {
		return nil
	}
	b.mode.Published = b.spec.Self.Address.Addr()
	wanted := []struct {
		protocol string
		port     *uint16
		asked    bool
	}{{b.spec.Protocol, &b.mode.Port, true}, {"tcp", &b.mode.Control, b.spec.Control}}
	for _, one := range wanted {
		if !one.asked {
			continue
		}
		i := slices.IndexFunc(c.Published, func(p running.Port) bool {
			here := !p.On.IsValid() || p.On == b.mode.Published
			return p.Protocol == one.protocol && p.Inside == p.Outside && here && p.Inside != b.mode.Port
		})
		if i < 0 {
			return fmt.Errorf("the container's address %s is not on the segment, and its engine publishes no %s port under its own number that is left; start it with one more, such as -p 7000:7000/%s", c.address.Addr(), one.protocol, one.protocol)
		}
		*one.port = c.Published[i].Inside
		b.note("the engine publishes %s port %d", one.protocol, *one.port)
	}
	return nil
}
