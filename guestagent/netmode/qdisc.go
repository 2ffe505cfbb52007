package netmode

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/kconfig"
)

var qdiscName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,14}$`)

// inbound are those that the kernel puts before what arrives, and at no root.
var inbound = []string{"ingress", "clsact"}

// manyQueues are those that share out the queues of a device, and refuse one that has
// no more than one.
var manyQueues = []string{"mq", "mqprio", "multiq", "taprio"}

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
			return d.explainQdisc(fmt.Errorf("set qdisc of %s to %s: %w", d.name, kind, err), link, kind)
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

// explainQdisc says what a refusal means: the kernel's own words are the same for a
// module that it lacks, a device with one queue, and a name that nobody knows.
func (d device) explainQdisc(refused error, on netlink.Link, kind string) error {
	switch one := on.Attrs().NumTxQueues == 1; {
	case one && slices.Contains(manyQueues, kind):
		return &fixedError{device: d.name, what: "qdisc " + kind, why: "it has one queue, and this shares out several"}
	case errors.Is(refused, unix.EINVAL):
		return fmt.Errorf("%w: it takes parameters, and a mode gives it none", refused)
	case !lacking(refused):
		return refused
	case !kconfig.KnowsQdisc(kind):
		return fmt.Errorf("%w: Linux has none of that name, unless it is your own", refused)
	}
	return fmt.Errorf("%w (%v)", &UnsupportedError{kconfig.Qdisc(kind)}, refused)
}
