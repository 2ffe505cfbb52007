package local

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"

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
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr, attrs.MTU = at.nic.Device, mac, n.MTU
	return inside(j.lab.machine(at.machine), func(links *netlink.Handle) error {
		err := links.LinkAdd(&netlink.Veth{
			LinkAttrs: attrs, PeerName: peerDevice, PeerHardwareAddr: peerMAC, PeerMTU: uint32(n.MTU),
			PeerTxQLen: -1, PeerNamespace: netlink.NsFd(space.Fd()),
		})
		if err != nil {
			return fmt.Errorf("add %s of %q (CONFIG_VETH, module veth): %w", at.nic.Device, at.machine, err)
		}
		return nil
	})
}

// joinSwitch makes a bridge where no machine is, so that no machine's protocol
// stack is in the way of two others.
func (j *job) joinSwitch(n testbed.Network, members []end) error {
	folder := j.lab.network(n.Name)
	if err := makeSpace(folder, n.Name, silence); err != nil {
		return err
	}
	const bridge = "switch"
	err := inside(folder, func(links *netlink.Handle) error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = bridge, n.MTU
		if err := links.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
			return fmt.Errorf("add a bridge (CONFIG_BRIDGE, module bridge): %w", err)
		}
		return setUp(links, bridge)
	})
	if err != nil {
		return err
	}
	for i, m := range members {
		port := fmt.Sprintf("port%d", i)
		if err := j.plug(n, m, folder, port, nil); err != nil {
			return err
		}
		if err := inside(folder, func(links *netlink.Handle) error { return enslave(links, port, bridge) }); err != nil {
			return err
		}
	}
	return nil
}

// silence keeps a switch from speaking, and its frames from netfilter. A kernel
// without these settings does neither.
func silence() error {
	_ = writeSysctl("net/ipv6/conf/default/disable_ipv6", "1")
	_ = writeSysctl("net/bridge/bridge-nf-call-iptables", "0")
	return nil
}

func enslave(links *netlink.Handle, port, bridge string) error {
	link, err := links.LinkByName(port)
	if err != nil {
		return fmt.Errorf("find %s: %w", port, err)
	}
	master, err := links.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("find %s: %w", bridge, err)
	}
	if err := links.LinkSetMaster(link, master); err != nil {
		return fmt.Errorf("put %s on the bridge: %w", port, err)
	}
	return setUp(links, port)
}

func setUp(links *netlink.Handle, device string) error {
	link, err := links.LinkByName(device)
	if err != nil {
		return fmt.Errorf("find %s: %w", device, err)
	}
	if err := links.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring %s up: %w", device, err)
	}
	return nil
}
