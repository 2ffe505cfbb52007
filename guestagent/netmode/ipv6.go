package netmode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrNoIPv6 says that an interface has no IPv6 address, for a reason that is none
// of the mode's.
var ErrNoIPv6 = errors.New("no IPv6")

// linkLocalWait is how long the kernel may take to give an interface its
// link-local address: without DAD it is done at once.
const linkLocalWait = 200 * time.Millisecond

// dadWait is how long an address may be tentative: DAD begins within a second after the
// link is up, and waits for one (RFC 4862). The first mode of a machine that has just
// booted meets it.
const dadWait = 3 * time.Second

// LinkLocal is the link-local IPv6 address of the interface that has the mode's
// socket, with the interface's index as its zone: a name would be looked up in
// another namespace. Where the interface is the mode's own, IPv6 is switched on at it
// (modes are built without, so that nothing but the test is sent), and stays on until
// the mode is torn down. One that was there before is left as it is: where IPv6 is
// off at it, the error matches [ErrNoIPv6].
func (m *Mode) LinkLocal(ctx context.Context) (netip.Addr, error) {
	link, err := m.build.socketLink()
	if err != nil {
		return netip.Addr{}, err
	}
	attrs := link.Attrs()
	if m.build.owns(attrs.Index) {
		if err := m.Inside(func() error { return switchOnIPv6(attrs.Name) }); err != nil {
			return netip.Addr{}, err
		}
	}
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		found, tentative, err := m.build.linkLocalOf(link)
		if err != nil || found.IsValid() {
			return found, err
		}
		patience := linkLocalWait
		if tentative {
			patience = dadWait
		}
		if ctx.Err() != nil || time.Since(began) > patience {
			return found, fmt.Errorf("%w: %s has no link-local address", ErrNoIPv6, attrs.Name)
		}
	}
}

// switchOnIPv6 runs in the interface's namespace. Its address needs no DAD, for
// nobody else's is made of its MAC, and no router is looked for.
func switchOnIPv6(device string) error {
	for _, one := range []struct{ key, value string }{
		{"accept_dad", "0"}, {"accept_ra", "0"}, {"router_solicitations", "0"}, {"disable_ipv6", "0"},
	} {
		if err := writeIfThere("net/ipv6/conf/"+device+"/"+one.key, one.value); err != nil {
			return fmt.Errorf("switch IPv6 on at %s: %w", device, err)
		}
	}
	return nil
}

// socketLink is the interface that has the mode's address.
func (b *build) socketLink() (netlink.Link, error) {
	links := b.homeLinks()
	addresses, err := links.AddrList(nil, unix.AF_INET)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, one := range addresses {
		if one.IP.Equal(b.mode.Local.AsSlice()) {
			return links.LinkByIndex(one.LinkIndex)
		}
	}
	return nil, fmt.Errorf("no interface has address %s", b.mode.Local)
}

// homeLinks asks where the mode's socket belongs.
func (b *build) homeLinks() *netlink.Handle {
	if b.space != nil {
		return b.links
	}
	return b.machine.links
}

// owns says whether an interface of the socket's namespace is the mode's to change:
// not the machine's NIC, and nothing of a container that somebody else runs.
func (b *build) owns(index int) bool {
	if b.space != nil {
		return b.spec.Mode.Kind != KindContainer
	}
	for _, made := range b.made {
		if made.Attrs().Index == index {
			return true
		}
	}
	return false
}

// linkLocalOf is not valid where the interface has no such address that may be used
// yet; tentative says that it has one.
func (b *build) linkLocalOf(link netlink.Link) (found netip.Addr, tentative bool, err error) {
	addresses, err := b.homeLinks().AddrList(link, unix.AF_INET6)
	if err != nil {
		return netip.Addr{}, false, fmt.Errorf("list IPv6 addresses of %s: %w", link.Attrs().Name, err)
	}
	for _, one := range addresses {
		switch {
		case !one.IP.IsLinkLocalUnicast() || one.Flags&unix.IFA_F_DADFAILED != 0:
		case one.Flags&unix.IFA_F_TENTATIVE == 0:
			return zoned(one.IP, link.Attrs().Index), false, nil
		default:
			tentative = true
		}
	}
	return netip.Addr{}, tentative, nil
}

func zoned(ip net.IP, index int) netip.Addr {
	address, _ := netip.AddrFromSlice(ip)
	return address.WithZone(fmt.Sprint(index))
}

// ForgetNeighbour forgets the MAC of a link-local address that was learnt at the
// interface of the mode's socket. One that a person made permanent stays.
func (m *Mode) ForgetNeighbour(address netip.Addr) error {
	link, err := m.build.socketLink()
	if err != nil {
		return err
	}
	return forgetNeighbours(m.build.homeLinks(), link, unix.AF_INET6, func(ip net.IP) bool { return ip.Equal(address.AsSlice()) })
}
