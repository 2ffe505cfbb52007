package netmode

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/kconfig"
)

// operationalTimeout is how long a device may take from "up" to passing packets.
// Carrier of veth and of a bridge without STP follows within milliseconds.
const operationalTimeout = 5 * time.Second

// addLink makes a link in the machine's namespace, or from there in the
// container's where the link says so.
func (b *build) addLink(link netlink.Link, needs ...kconfig.Feature) error {
	err := b.machine.links.LinkAdd(link)
	if errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add %s %q: it is there already, perhaps of an agent that was killed; remove it with: ip link del %s",
			link.Type(), link.Attrs().Name, link.Attrs().Name)
	}
	if err != nil {
		return fmt.Errorf("add %s %q: %w", link.Type(), link.Attrs().Name, explainLink(err, link, needs...))
	}
	return nil
}

// machineLink is a step that makes a device on the machine's side, quiet about
// IPv6 as the container is.
func (b *build) machineLink(name string, link func() netlink.Link, needs ...kconfig.Feature) step {
	var made netlink.Link
	return step{
		name: "add link " + name,
		do: func() error {
			made = link()
			if err := b.addLink(made, needs...); err != nil {
				return err
			}
			if err := b.write("net/ipv6/conf/"+name+"/disable_ipv6", "1"); err != nil {
				return errors.Join(err, b.machine.links.LinkDel(made))
			}
			b.made[name] = made
			return nil
		},
		undo: func() error {
			delete(b.made, name)
			return removeLink(b.machine.links, made)
		},
	}
}

// childLink is a step that makes a device on the NIC, directly in the container:
// moving it there would wait for RCU. check reads back what the kernel made of it.
func (b *build) childLink(link func(netlink.LinkAttrs) netlink.Link, check func(netlink.Link) error, needs ...kconfig.Feature) step {
	return step{
		name: "add link " + inside + " on " + b.spec.Self.Device,
		do: func() error {
			attrs := netlink.NewLinkAttrs()
			attrs.Name, attrs.ParentIndex = inside, b.nic.Attrs().Index
			attrs.Namespace = netlink.NsFd(b.space.FD())
			wanted := link(attrs)
			if err := b.addLink(wanted, needs...); err != nil {
				return err
			}
			if err := b.readBack(wanted.Type(), check); err != nil {
				return errors.Join(err, b.removeChild())
			}
			return nil
		},
		undo: b.removeChild,
	}
}

// readBack makes sure that the container's link is what was asked for, so that
// nothing is ever measured in its place.
func (b *build) readBack(kind string, check func(netlink.Link) error) error {
	made, err := b.insideLink()
	if err != nil {
		return fmt.Errorf("read %s %q back: %w", kind, inside, err)
	}
	if made.Type() != kind {
		return fmt.Errorf("read %s %q back: the kernel made it a %s", kind, inside, made.Type())
	}
	return check(made)
}

// removeChild waits until the link is gone, which closing its namespace would
// not: the NIC takes no other kind of child while one is left.
func (b *build) removeChild() error {
	if b.links == nil { // Its namespace was closed before, after an undo that failed.
		return nil
	}
	return unlessGone(b.links, inside, func(link netlink.Link) error { return removeLink(b.links, link) })
}

// unlessGone changes a link, for an undo that may be an attempt at what is left:
// a link that went with another is as it should be.
func unlessGone(handle *netlink.Handle, name string, do func(netlink.Link) error) error {
	link, err := handle.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find link %q: %w", name, err)
	}
	return do(link)
}

func removeLink(handle *netlink.Handle, link netlink.Link) error {
	if err := handle.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove link %q: %w", link.Attrs().Name, err)
	}
	return nil
}

// linkUp is a step that sets a machine-side link up.
func (b *build) linkUp(name string) step {
	return step{name: "set link " + name + " up", do: func() error {
		return b.withLink(name, b.machine.links.LinkSetUp)
	}}
}

// withLink changes a link of the machine's side: one that was made here, or the NIC.
func (b *build) withLink(name string, do func(netlink.Link) error) error {
	link := b.made[name]
	if name == b.spec.Self.Device {
		link = b.nic
	}
	if link == nil {
		return fmt.Errorf("find link %q: nobody made it", name)
	}
	if err := do(link); err != nil {
		return fmt.Errorf("change link %q: %w", name, err)
	}
	return nil
}

// operational is a step that waits until devices pass packets: "up" only starts
// it, and a frame sent before is dropped without a word.
func (b *build) operational(machineSide ...string) step {
	return step{name: "wait until the links are operational", do: func() error {
		ctx, cancel := context.WithTimeout(context.Background(), operationalTimeout)
		defer cancel()
		if err := waitOperational(ctx, b.links, inside); err != nil {
			return err
		}
		return b.waitMachineSide(ctx, machineSide)
	}}
}

// machineOperational is the same for devices of the machine's side alone.
func (b *build) machineOperational(names ...string) step {
	return step{name: "wait until " + strings.Join(names, ", ") + " is operational", do: func() error {
		ctx, cancel := context.WithTimeout(context.Background(), operationalTimeout)
		defer cancel()
		return b.waitMachineSide(ctx, names)
	}}
}

func (b *build) waitMachineSide(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := waitOperational(ctx, b.machine.links, name); err != nil {
			return err
		}
	}
	return nil
}

// waitOperational polls, because a link event may have passed before anyone
// could have subscribed to it.
func waitOperational(ctx context.Context, handle *netlink.Handle, name string) error {
	for {
		link, err := handle.LinkByName(name)
		if err != nil {
			return fmt.Errorf("find link %q: %w", name, err)
		}
		state := link.Attrs().OperState
		if state == netlink.OperUp || state == netlink.OperUnknown {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until link %q is operational: it is %q after %v", name, state, operationalTimeout)
		case <-time.After(time.Millisecond):
		}
	}
}
