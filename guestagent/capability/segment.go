package capability

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

func (v *visit) ownMAC(context.Context) (finding, error) {
	mac, nic, err := v.Mode.Hardware()
	if err != nil {
		return finding{}, err
	}
	if len(mac) == 0 {
		return fails("the container's interface has no MAC").with("the NIC has %s", nic), nil
	}
	return decide(mac.String() != nic.String(), "the container has %s", mac).with("the NIC has %s", nic), nil
}

// portSecurity: a switch that knows the NIC's MAC only lets through what comes
// from that one.
func (v *visit) portSecurity(ctx context.Context) (finding, error) {
	_, nic, err := v.Mode.Hardware()
	if err != nil {
		return finding{}, err
	}
	seen, err := v.onWire(ctx, v.inside, v.peer())
	if err != nil {
		return finding{}, err
	}
	own, err := v.onWire(ctx, v.outside, v.peer())
	if err != nil {
		return finding{}, err
	}
	control := "the machine's own come from " + own.MAC
	if !seen.Frame {
		return unsupported("no frame on the wire can be told for the container's: none came, or they are encrypted").with("%s", control), nil
	}
	return decide(seen.MAC == nic.String(), "the container's frames come from %s, and the port knows %s", seen.MAC, nic).with("%s", control), nil
}

// onWire sends a question and asks the other machine for the frame.
func (v *visit) onWire(ctx context.Context, from *endpoint, to netip.AddrPort) (Seen, error) {
	x := from.ask(ctx, to)
	return v.Ask(ctx, Order{Saw: x.token})
}

// arp: the container has resolved the other end's address by itself, so both are on
// one segment, be it the wire or an overlay.
func (v *visit) arp(ctx context.Context) (finding, error) {
	v.inside.ask(ctx, v.peer())
	address := v.Peer.Address
	mac, err := v.Mode.Neighbour(address)
	if err != nil {
		return finding{}, err
	}
	nobody, err := v.Mode.Neighbour(v.Spec.Service)
	if err != nil {
		return finding{}, err
	}
	control := fmt.Sprintf("an address that nobody has: %s", resolved(nobody))
	return decide(mac != nil, "the container's neighbour %s: %s", address, resolved(mac)).with("%s", control), nil
}

func resolved(mac net.HardwareAddr) string {
	if mac == nil {
		return "not resolved"
	}
	return mac.String()
}

// broadcast: a packet to all reaches the other machine.
func (v *visit) broadcast(ctx context.Context) (finding, error) {
	return v.toMany(ctx, netip.AddrFrom4([4]byte{255, 255, 255, 255}), lastOf(v.Spec.Self.Address))
}

// lastOf is a subnet's broadcast address.
func lastOf(subnet netip.Prefix) netip.Addr {
	four := subnet.Addr().As4()
	host := ^uint32(0) >> subnet.Bits()
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(four[:])|host)))
}

// group is of the range for one's own use (RFC 2365).
var group = netip.AddrFrom4([4]byte{239, 77, 0, 1})

func (v *visit) multicast(ctx context.Context) (finding, error) { return v.toMany(ctx, group, group) }

// toMany sends to an address that is many machines', out of the container's
// interface, and asks the other machine for the frame. The machine does the same:
// what it cannot do either says nothing of the container.
func (v *visit) toMany(ctx context.Context, to, own netip.Addr) (finding, error) {
	token, control := newToken(), newToken()
	sent := v.Mode.Inside(func() error { return sendFrom(v.Mode.Local, v.Mode.Device(), v.at(to), token) })
	_ = v.Mode.Outside(func() error { return sendFrom(v.Spec.Self.Address.Addr(), "", v.at(own), control) })
	machine, err := v.Ask(ctx, Order{Saw: control})
	if err != nil {
		return finding{}, err
	}
	told := "the machine's own, to " + own.String() + ", " + arrived(machine)
	if sent != nil {
		return fails("it could not be sent: %s", reason(sent)).with("%s", told), nil
	}
	seen, err := v.Ask(ctx, Order{Saw: token})
	if err != nil {
		return finding{}, err
	}
	if !seen.Frame && !machine.Frame {
		return unsupported("neither the container's nor the machine's arrived, so the segment may carry none").with("%s", told), nil
	}
	return decide(seen.Frame, "a packet to %s %s", to, arrived(seen)).with("%s", told), nil
}

func (v *visit) at(address netip.Addr) netip.AddrPort {
	return netip.AddrPortFrom(address, v.Peer.Port)
}

func arrived(seen Seen) string {
	if seen.Frame {
		return "arrived at the other machine, from " + seen.MAC
	}
	return "did not arrive at the other machine"
}

// sendFrom sends one question out of a device, or of whichever has the address.
func sendFrom(local netip.Addr, device string, to netip.AddrPort, token string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
		return err
	}
	if err := unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, local.As4()); err != nil {
		return err
	}
	if device != "" {
		if err := unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, device); err != nil {
			return err
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: local.As4()}); err != nil {
		return err
	}
	return unix.Sendto(fd, []byte(askWord+token), 0, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
}
