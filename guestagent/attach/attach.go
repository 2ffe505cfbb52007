// Package attach puts a machine that exists onto a lab's segment: it refuses a
// NIC that the machine needs for itself, sets the lab's NIC up, gives it its
// address, and undoes that. It makes no device and knows no mode; a machine that
// was made for the lab has all of it from the start and is none of its business.
//
// Invariant: what [To] changed, [Attachment.Undo] puts back, and nothing else. A To that
// fails has done so itself before it returns.
package attach

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// Attachment is a machine on the segment.
type Attachment struct {
	space *namespace.Namespace
	view  *view
	undo  []undo // In the order in which they were done.
}

type undo struct {
	name string
	do   func() error
}

// carrierTimeout is how long a NIC that was set up may take to find the other
// end: a copper link negotiates for some three seconds.
const carrierTimeout = 15 * time.Second

// To attaches the machine as the segment's own host says. connection is what the
// SSH server says in SSH_CONNECTION. A host that asks for no attachment is left
// alone.
func To(ctx context.Context, space *namespace.Namespace, segment proto.Segment, connection string) (*Attachment, error) {
	if !segment.Self.Attach {
		return &Attachment{}, nil
	}
	host := segment.Self
	v, err := look(space)
	if err != nil {
		return nil, err
	}
	a := &Attachment{space: space, view: v}
	if err := a.to(ctx, segment, connection); err != nil {
		return nil, fmt.Errorf("attach %q to the segment by %s: %w", host.Name, host.Device, errors.Join(err, a.Undo()))
	}
	return a, nil
}

func (a *Attachment) to(ctx context.Context, segment proto.Segment, connection string) error {
	host := segment.Self
	if err := a.view.allow(host, connection); err != nil {
		return err
	}
	if err := checkModes(segment); err != nil {
		return err
	}
	if err := a.view.roomFor(segment); err != nil {
		return err
	}
	nic := a.view.named(host.Device)
	if err := a.keepNeighbours(nic); err != nil {
		return err
	}
	if nic.Attrs().RawFlags&unix.IFF_UP == 0 {
		if err := a.setUp(nic); err != nil {
			return err
		}
	}
	if err := a.awaitCarrier(ctx, nic); err != nil {
		return err
	}
	if err := a.address(nic, host); err != nil {
		return err
	}
	return a.view.reaches(nic, segment.Peer)
}

// Undo puts back what To changed, last first. It goes on after an error.
func (a *Attachment) Undo() error {
	var errs []error
	for i := len(a.undo) - 1; i >= 0; i-- {
		if err := a.undo[i].do(); err != nil {
			errs = append(errs, fmt.Errorf("undo %s: %w", a.undo[i].name, err))
		}
	}
	a.undo = nil
	if a.view != nil {
		a.view.close()
		a.view = nil
	}
	return errors.Join(errs...)
}

func (a *Attachment) later(name string, do func() error) {
	a.undo = append(a.undo, undo{name, do})
}

// setUp sets the NIC up. Going down again it loses the IPv6 addresses that it had
// (unless keep_addr_on_down says otherwise), so they are given back. A router on
// the segment must not give it a default route meanwhile.
func (a *Attachment) setUp(nic netlink.Link) error {
	name, links := nic.Attrs().Name, a.view.links
	had, err := links.AddrList(nic, unix.AF_INET6)
	if err != nil {
		return fmt.Errorf("list IPv6 addresses of %q: %w", name, err)
	}
	a.later("set "+name+" up", func() error { return a.giveBack(nic, had) })
	if err := a.sysctl("net/ipv6/conf/"+name+"/accept_ra", "0"); err != nil {
		return err
	}
	a.later("set "+name+" up", func() error { return links.LinkSetDown(nic) })
	if err := links.LinkSetUp(nic); err != nil {
		return fmt.Errorf("set link %q up: %w", name, err)
	}
	return nil
}

func (a *Attachment) giveBack(nic netlink.Link, had []netlink.Addr) error {
	for _, address := range had {
		address.Flags &^= unix.IFA_F_PERMANENT | unix.IFA_F_TENTATIVE
		if err := a.view.links.AddrAdd(nic, &address); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add address %s again: %w", address.IPNet, err)
		}
	}
	return nil
}

// sysctl sets one that a kernel without IPv6 does not have.
func (a *Attachment) sysctl(key, value string) error {
	path := "/proc/sys/" + key
	var old string
	err := a.space.Do(func() error {
		text, err := os.ReadFile(path)
		if old = strings.TrimSpace(string(text)); err != nil || old == value {
			return err
		}
		return os.WriteFile(path, []byte(value), 0)
	})
	switch {
	case errors.Is(err, os.ErrNotExist) || err == nil && old == value:
		return nil
	case err != nil:
		return fmt.Errorf("set %s: %w", key, err)
	}
	a.later("set "+key, func() error {
		return a.space.Do(func() error { return os.WriteFile(path, []byte(old), 0) })
	})
	return nil
}

func (a *Attachment) awaitCarrier(ctx context.Context, nic netlink.Link) error {
	name := nic.Attrs().Name
	for deadline := time.Now().Add(carrierTimeout); ; {
		now, err := a.view.links.LinkByName(name)
		if err != nil {
			return fmt.Errorf("find link %q: %w", name, err)
		}
		// IFF_RUNNING is also set of drivers that do not know their carrier.
		if now.Attrs().RawFlags&unix.IFF_RUNNING != 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s has no carrier after %v: nothing is at the other end of its wire", name, carrierTimeout)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
