package netmode

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// The smallest MTU that IPv4 asks of every link (RFC 791, section 3.2), and the
// largest packet that it has.
const (
	minMTU = 68
	maxMTU = 65535
)

// minNICMTU is what IPv6 asks of a link (RFC 8200, section 5). A NIC that goes below
// loses its IPv6 addresses, routes and sysctls (addrconf_notify), and has none of them
// back when it comes up again: so it does not. A device of ours has none to lose.
const minNICMTU = 1280

func (b *build) checkTuning() error {
	mode, t := b.spec.Mode, b.spec.Mode.Tuning
	switch {
	case t == proto.Tuning{}:
		return nil
	case mode.Kind == KindContainer:
		return fmt.Errorf("build mode %q: a container that runs is measured as it is, so nothing of it is changed", mode.Name)
	case mode.Kind == KindLoopback:
		return fmt.Errorf("build mode %q: loopback uses lo, which every lab shares, so nothing of it is changed", mode.Name)
	case t.MTU != 0 && (t.MTU < minMTU || t.MTU > maxMTU):
		return fmt.Errorf("build mode %q: an MTU of %d is not within %d and %d", mode.Name, t.MTU, minMTU, maxMTU)
	case mode.Kind == KindHost && t.MTU != 0 && t.MTU < minNICMTU:
		return fmt.Errorf("build mode %q: with an MTU of %d the NIC would lose its IPv6 addresses, which need %d", mode.Name, t.MTU, minNICMTU)
	case slices.Contains(inbound, t.Qdisc):
		return fmt.Errorf("build mode %q: %s is for what arrives, and none that sends", mode.Name, t.Qdisc)
	case t.Qdisc != "" && !qdiscName.MatchString(t.Qdisc):
		return fmt.Errorf("build mode %q: %q is no name of a qdisc", mode.Name, t.Qdisc)
	case t.Qdisc != "" && mode.Delay > 0:
		return fmt.Errorf("build mode %q: a delay is a qdisc, netem, so there is no room for %s", mode.Name, t.Qdisc)
	}
	return nil
}

// device is one that is tuned: a link and who speaks to the kernel about it.
type device struct {
	name  string
	link  func() (netlink.Link, error)
	owner *build
	// inner says that it is in the container.
	inner bool
	// keep says that it outlives the mode, so its settings are put back.
	keep bool
}

func (d device) handle() *netlink.Handle {
	if d.inner {
		return d.owner.links
	}
	return d.owner.machine.links
}

// do runs f in the device's namespace.
func (d device) do(f func() error) error {
	if d.inner {
		return d.owner.space.Do(f)
	}
	return d.owner.machine.space.Do(f)
}

// tuned lists the devices that are the mode's own at this end: the container's,
// and the outer end of its pair. A host has none of its own, so it is the NIC.
func (b *build) tuned() []device {
	if b.spec.Mode.Kind == KindHost {
		return []device{b.nicDevice()}
	}
	if !b.spec.Contained(b.spec.Role) {
		return nil
	}
	devices := []device{{name: inside, link: b.insideLink, owner: b, inner: true}}
	if outer := b.outerEnd(); outer != "" {
		devices = append(devices, device{name: outer, owner: b, link: func() (netlink.Link, error) { return b.made[outer], nil }})
	}
	return devices
}

// outerEnd is the machine's end of the container's pair; empty without a pair.
func (b *build) outerEnd() string {
	prefix := map[string]string{
		KindVeth: vethPrefix, KindVxlan: vethPrefix, KindGeneve: vethPrefix, KindWireguard: vethPrefix, KindNetkit: netkitPrefix,
	}[b.spec.Mode.Kind]
	switch {
	case prefix == "":
		return ""
	case b.outer != "":
		prefix = b.outer
	}
	return b.name(prefix)
}

func (b *build) nicDevice() device {
	return device{name: b.spec.Self.Device, owner: b, keep: true, link: func() (netlink.Link, error) { return b.nic, nil }}
}

// tuning are the steps that set what the mode says of its devices.
func (b *build) tuning() []step {
	t := b.spec.Mode.Tuning
	var steps []step
	for _, d := range b.tuned() {
		if t.MTU != 0 {
			steps = append(steps, d.setMTU(t.MTU))
		}
		if wanted := features(t); len(wanted) > 0 {
			steps = append(steps, d.setFeatures(wanted))
		}
	}
	if devices := b.tuned(); t.Qdisc != "" && len(devices) > 0 {
		steps = append(steps, devices[0].setQdisc(t.Qdisc))
	}
	if t.ThreadedNAPI != nil {
		steps = append(steps, b.nicDevice().setThreaded(*t.ThreadedNAPI))
	}
	return steps
}

func (d device) setMTU(mtu int) step {
	before := 0
	set := func(to int) error {
		link, err := d.link()
		if err != nil {
			return err
		}
		if err := d.handle().LinkSetMTU(link, to); err != nil {
			return fmt.Errorf("set MTU of %s (%s) to %d: %w", d.name, link.Type(), to, err)
		}
		return nil
	}
	s := step{name: "set MTU of " + d.name, do: func() error {
		link, err := d.link()
		if err != nil {
			return err
		}
		before = link.Attrs().MTU
		if err := set(mtu); errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("%w: %s has an MTU of %d, and a child's is not larger", err, d.owner.spec.Self.Device, d.owner.nic.Attrs().MTU)
		} else if err != nil {
			return err
		}
		d.owner.note("%s mtu %d", d.name, mtu)
		return nil
	}}
	if d.keep {
		s.undo = func() error { return set(before) }
	}
	return s
}
