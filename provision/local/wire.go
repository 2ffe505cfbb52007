package local

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/wiring"
	"github.com/testbed-lab/testbed/testbed"
)

// Kinds of network, as facts say them.
const (
	kindWire   = "a wire of its own (veth pair)"
	kindSwitch = "a bridge in a namespace of its own"
)

// wire joins the machines of a network. What fails leaves no device.
func (j *job) wire(n testbed.Network) error {
	members := j.members(n.Name)
	err := j.unwire(n.Name, members)
	if err == nil {
		if len(members) == 2 {
			err = j.joinPair(n, members[0], members[1])
		} else {
			err = j.joinSwitch(n, members)
		}
	}
	if err == nil {
		mark := networkMark{Digest: j.networkDigest(n), Kind: kindOf(len(members))}
		err = j.lab.write(filepath.Join("networks", n.Name, markFile), mark)
	}
	if err != nil {
		return errors.Join(err, j.unwire(n.Name, members))
	}
	return nil
}

func kindOf(members int) string {
	if members == 2 {
		return kindWire
	}
	return kindSwitch
}

// unwire removes a network's devices from its machines; those that a machine
// lost with its peer are gone already.
func (j *job) unwire(network string, members []end) error {
	for _, m := range members {
		err := inside(j.lab.machine(m.machine), func(links *netlink.Handle) error {
			link, err := links.LinkByName(m.nic.Device)
			if errors.As(err, &netlink.LinkNotFoundError{}) {
				return nil
			}
			if err != nil {
				return err
			}
			return links.LinkDel(link)
		})
		if err != nil {
			return fmt.Errorf("remove %s of %q: %w", m.nic.Device, m.machine, err)
		}
	}
	return removeSpace(j.lab.network(network))
}

func (j *job) joinPair(n testbed.Network, a, b end) error {
	if err := os.MkdirAll(j.lab.network(n.Name), 0o755); err != nil {
		return fmt.Errorf("make the network's folder: %w", err)
	}
	mac, err := net.ParseMAC(b.nic.MAC)
	if err != nil {
		return fmt.Errorf("interface %q of %q: %w", b.nic.Device, b.machine, err)
	}
	return j.plug(n, a, j.lab.machine(b.machine), b.nic.Device, mac)
}

// plug makes a veth pair with one end at a machine and the other in a namespace.
func (j *job) plug(n testbed.Network, at end, peer, peerDevice string, peerMAC net.HardwareAddr) error {
	mac, err := net.ParseMAC(at.nic.MAC)
	if err != nil {
		return fmt.Errorf("interface %q of %q: %w", at.nic.Device, at.machine, err)
	}
	space, err := os.Open(filepath.Join(peer, "net"))
	if err != nil {
		return fmt.Errorf("find the other end of %s of %q: %w", at.nic.Device, at.machine, err)
	}
	defer space.Close()
	return inside(j.lab.machine(at.machine), func(links *netlink.Handle) error {
		far := wiring.End{Device: peerDevice, MAC: peerMAC, Space: int(space.Fd())}
		if err := wiring.Plug(links, at.nic.Device, mac, n.MTU, far); err != nil {
			return fmt.Errorf("wire %q: %w", at.machine, err)
		}
		return nil
	})
}

// joinSwitch makes a bridge where no machine is, so that no machine's protocol
// stack is in the way of two others.
func (j *job) joinSwitch(n testbed.Network, members []end) error {
	folder := j.lab.network(n.Name)
	if err := makeSpace(folder, n.Name, wiring.Silence); err != nil {
		return err
	}
	const bridge = "switch"
	err := inside(folder, func(links *netlink.Handle) error {
		return wiring.AddSwitch(links, bridge, n.MTU)
	})
	if err != nil {
		return err
	}
	for i, m := range members {
		port := fmt.Sprintf("port%d", i)
		if err := j.plug(n, m, folder, port, nil); err != nil {
			return err
		}
		if err := inside(folder, func(links *netlink.Handle) error { return wiring.Enslave(links, port, bridge) }); err != nil {
			return err
		}
	}
	return nil
}
