package netmode

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/kconfig"
)

// The smallest MTU that IPv4 asks of every link (RFC 791, section 3.2), and the
// largest packet that it has.
const (
	minMTU = 68
	maxMTU = 65535
)

var qdiscName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,14}$`)

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

// setQdisc puts a queueing discipline at a device's root. On the NIC only one that
// the kernel gave is replaced, as for a delay.
func (d device) setQdisc(kind string) step {
	s := step{name: "set qdisc of " + d.name, do: func() error {
		link, err := d.link()
		if err != nil {
			return err
		}
		if d.keep {
			if _, err := d.owner.rootQdiscs(); err != nil {
				return err
			}
		}
		if err := d.handle().QdiscReplace(rootQdisc(link.Attrs().Index, kind)); err != nil {
			return explainQdisc(fmt.Errorf("set qdisc of %s to %s: %w", d.name, kind, err), kind)
		}
		d.owner.note("%s qdisc %s", d.name, kind)
		return nil
	}}
	if d.keep {
		s.undo = func() error {
			if err := d.handle().QdiscDel(rootQdisc(d.owner.nic.Attrs().Index, kind)); err != nil {
				return fmt.Errorf("remove qdisc %s from %s: %w", kind, d.name, err)
			}
			return nil
		}
	}
	return s
}

func rootQdisc(link int, kind string) netlink.Qdisc {
	return &netlink.GenericQdisc{QdiscType: kind, QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: link, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(1, 0),
	}}
}

// explainQdisc names the module of a kind that the kernel does not know.
func explainQdisc(refused error, kind string) error {
	if !lacking(refused) {
		return refused
	}
	return fmt.Errorf("%w (%v)", &UnsupportedError{kconfig.Qdisc(kind)}, refused)
}
