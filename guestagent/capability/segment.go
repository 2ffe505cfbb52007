package capability

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// ownMAC sends to the other machine and to all, and looks on every device of its
// machine for what came out of the container: by that MAC DHCP would know it.
func (v *visit) ownMAC(ctx context.Context) (finding, error) {
	mac, nic, err := v.Mode.Hardware()
	if err != nil {
		return finding{}, err
	}
	devices, err := tap(v.Mode.Outside, "")
	if err != nil {
		return finding{}, err
	}
	defer devices.close()
	x, own := v.inside.ask(ctx, v.peer()), v.outside.ask(ctx, v.peer())
	// It fails where an interface takes no broadcasts, and then the question is all.
	_ = v.Mode.Inside(func() error { return sendFrom(v.Mode.Local, v.Mode.Device(), v.at(everybody), x.token) })
	theirs, machines := devices.senders(askWord+x.token), devices.senders(askWord+own.token)
	control := "the machine's own come from " + strings.Join(machines, ", ")
	if len(machines) == 0 {
		control = "nothing came of the machine's own"
	}
	switch {
	case len(theirs) == 0:
		return unsupported("nothing that the container sent was seen on its machine's devices").with("%s", control), nil
	case slices.Contains(machines, mac.String()):
		// Passthru has the NIC's MAC, so the two agree; no other mode's may.
		return fails("the container's frames come out from %s, as the machine's own do", strings.Join(theirs, ", ")).with("%s", control), nil
	}
	return decide(mac != nil && mac.String() != nic.String() && slices.Contains(theirs, mac.String()),
		"the container's frames come out from %s; the NIC has %s", strings.Join(theirs, ", "), nic).with("%s", control), nil
}

// portSecurity: a switch that knows the NIC's MAC only lets through what comes
// from that one.
func (v *visit) portSecurity(ctx context.Context) (finding, error) {
	_, nic, err := v.Mode.Hardware()
	if err != nil {
		return finding{}, err
	}
	own, back, err := v.onWire(ctx, v.outside)
	if err != nil {
		return finding{}, err
	}
	seen, answers, err := v.onWire(ctx, v.inside)
	if err != nil {
		return finding{}, err
	}
	if back == "" {
		back = answers
	}
	control := fmt.Sprintf("the machine's own come from %s, and the answers from %s, which the port does not know", orNobody(own.MAC), orNobody(back))
	switch {
	case !seen.Frame:
		return unsupported("no frame on the wire can be told for the container's: none came, or they are encrypted").with("%s", control), nil
	case back == nic.String():
		return unsupported("the other machine's frames come from the NIC's MAC too").with("%s", control), nil
	}
	return decide(seen.MAC == nic.String(), "the container's frames come from %s, and the port knows %s", seen.MAC, nic).with("%s", control), nil
}

func orNobody(mac string) string {
	if mac == "" {
		return "nobody"
	}
	return mac
}

// onWire sends a question, asks the other machine for the frame, and looks for the
// MAC that the answer comes from, which is none of this machine's.
func (v *visit) onWire(ctx context.Context, from *endpoint) (seen Seen, back string, err error) {
	nic, err := tap(v.Mode.Outside, v.Spec.Self.Device)
	if err != nil {
		return Seen{}, "", err
	}
	defer nic.close()
	x := from.ask(ctx, v.peer())
	if senders := nic.senders(x.token + answerWord); len(senders) > 0 {
		back = senders[0]
	}
	seen, err = v.Ask(ctx, Order{Saw: x.token})
	return seen, back, err
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
	if nobody != nil {
		return unsupported("the container has a neighbour for what nobody has, so one says nothing").with("%s", control), nil
	}
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
	return v.toMany(ctx, everybody, lastOf(v.Spec.Self.Address))
}

var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

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
// what it cannot do either says nothing of the container. And the container does so
// out of lo, which leads nowhere.
func (v *visit) toMany(ctx context.Context, to, own netip.Addr) (finding, error) {
	token, control, nowhere := newToken(), newToken(), newToken()
	// First, so that it would have arrived when the others have.
	_ = v.Mode.Inside(func() error { return sendFrom(v.Mode.Local, "lo", v.at(to), nowhere) })
	sent := v.Mode.Inside(func() error { return sendFrom(v.Mode.Local, v.Mode.Device(), v.at(to), token) })
	_ = v.Mode.Outside(func() error { return sendFrom(v.Spec.Self.Address.Addr(), "", v.at(own), control) })
	machine, err := v.Ask(ctx, Order{Saw: control})
	if err != nil {
		return finding{}, err
	}
	seen := Seen{}
	if sent == nil {
		if seen, err = v.Ask(ctx, Order{Saw: token}); err != nil {
			return finding{}, err
		}
	}
	lost, err := v.Ask(ctx, Order{Saw: nowhere, Nothing: true})
	if err != nil {
		return finding{}, err
	}
	told := fmt.Sprintf("the machine's own, to %s, %s; what the container sent out of lo %s", own, arrived(machine), arrived(lost))
	if sent != nil {
		return fails("it could not be sent: %s", reason(sent)).with("%s", told), nil
	}
	switch {
	case lost.Frame:
		return unsupported("what went out of lo arrived too, so an arrival says nothing").with("%s", told), nil
	case !seen.Frame && !machine.Frame:
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
