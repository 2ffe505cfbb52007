package guestagent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/wiring"
)

// cast are the machines of an ensemble by name: namespaces, held by this process
// alone.
type cast map[string]*namespace.Namespace

func (c cast) close() {
	for _, space := range c {
		_ = space.Close()
	}
}

// wireTimeout is far more than the kernel takes to notice that both ends of a
// wire are up.
const wireTimeout = 10 * time.Second

// assemble makes the machines in the order of the plan, one step after the other,
// so that every run makes the same devices with the same numbers.
func assemble(ctx context.Context, plan proto.Ensemble) (c cast, err error) {
	c = cast{}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	for _, m := range plan.Machines {
		if c[m.Name], err = namespace.New(wiring.LoopbackUp); err != nil {
			return c, fmt.Errorf("make machine %q: %w", m.Name, err)
		}
	}
	for _, w := range plan.Wires {
		if err := c.join(w, plan.Machines); err != nil {
			return c, fmt.Errorf("make wire %q: %w", w.Name, err)
		}
	}
	for _, m := range plan.Machines {
		if err := c.start(m); err != nil {
			return c, fmt.Errorf("set up machine %q: %w", m.Name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, wireTimeout)
	defer cancel()
	for _, m := range plan.Machines {
		for _, nic := range m.NICs {
			err := inSpace(c[m.Name], func(links *netlink.Handle) error { return wiring.AwaitCarrier(ctx, links, nic.Device) })
			if err != nil {
				return c, fmt.Errorf("wait for %s of %q: %w", nic.Device, m.Name, err)
			}
		}
	}
	return c, nil
}

// inSpace runs f in a namespace with a netlink socket of it.
func inSpace(space *namespace.Namespace, f func(*netlink.Handle) error) error {
	return space.Do(func() error {
		links, err := netlink.NewHandleAt(netns.NsHandle(space.FD()), unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("open a netlink socket: %w", err)
		}
		defer links.Close()
		return f(links)
	})
}

// member is a machine's end of a wire.
type member struct {
	machine string
	nic     proto.MemberNIC
	mac     net.HardwareAddr
}

func (c cast) join(w proto.Wire, machines []proto.Member) error {
	var ends []member
	for _, m := range machines {
		for _, nic := range m.NICs {
			if nic.Wire != w.Name {
				continue
			}
			mac, err := net.ParseMAC(nic.MAC)
			if err != nil {
				return fmt.Errorf("interface %q of %q: %w", nic.Device, m.Name, err)
			}
			ends = append(ends, member{m.Name, nic, mac})
		}
	}
	if len(ends) == 2 {
		far := wiring.End{Device: ends[1].nic.Device, MAC: ends[1].mac, Space: c[ends[1].machine].FD()}
		return inSpace(c[ends[0].machine], func(links *netlink.Handle) error {
			return wiring.Plug(links, ends[0].nic.Device, ends[0].mac, w.MTU, far)
		})
	}
	return c.switched(w, ends)
}

// switched joins by a bridge where no machine is. Its namespace is held like a
// machine's, under a name that no machine can have.
func (c cast) switched(w proto.Wire, ends []member) error {
	space, err := namespace.New(wiring.Silence)
	if err != nil {
		return err
	}
	c["wire "+w.Name] = space
	const bridge = "switch"
	if err := inSpace(space, func(links *netlink.Handle) error { return wiring.AddSwitch(links, bridge, w.MTU) }); err != nil {
		return err
	}
	for i, end := range ends {
		port := fmt.Sprintf("port%d", i)
		err := inSpace(c[end.machine], func(links *netlink.Handle) error {
			return wiring.Plug(links, end.nic.Device, end.mac, w.MTU, wiring.End{Device: port, Space: space.FD()})
		})
		if err == nil {
			err = inSpace(space, func(links *netlink.Handle) error { return wiring.Enslave(links, port, bridge) })
		}
		if err != nil {
			return fmt.Errorf("plug in %q: %w", end.machine, err)
		}
	}
	return nil
}

func (c cast) start(m proto.Member) error {
	return inSpace(c[m.Name], func(links *netlink.Handle) error {
		for _, nic := range m.NICs {
			wiring.Quieten(nic.Device)
		}
		errs := []error{wiring.SetSysctls(m.Sysctl)}
		for _, nic := range m.NICs {
			errs = append(errs, wiring.BringUp(links, nic.Device, nic.Address.String()))
		}
		return errors.Join(errs...)
	})
}
