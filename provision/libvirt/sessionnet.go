package libvirt

import (
	"fmt"
	"path/filepath"

	"github.com/testbed-lab/testbed/testbed"
)

// A session may make no bridge, so the machines of a network are joined by
// QEMU's datagram backend over Unix sockets: nothing listens on any address,
// and other users cannot reach it. Two machines are joined directly. Where
// there are more, the first one's QEMU is the hub.
//
// What was weighed: libvirt's <interface type='mcast'> binds all addresses and
// joins on the default route's device, so guests' frames leak into the user's
// network. QEMU's own multicast on loopback does not leak, but gives a machine
// its own frames back, and a bridge in the guest then learns its containers
// behind the uplink.

// sessionNIC is the arguments that give a machine its i-th measured interface.
func (w wantedLab) sessionNIC(i int, self string, nic testbed.NIC, mtu int) []string {
	backend := fmt.Sprintf("lab%d", i)
	args := w.sessionLinks(i, backend, self, nic.Network)
	device := fmt.Sprintf("virtio-net-pci,netdev=%s,mac=%s,bus=pcie.0,addr=0x%x", backend, nic.MAC, sessionSlot+i)
	if mtu != 0 {
		device += fmt.Sprintf(",host_mtu=%d", mtu)
	}
	return append(args, "-device", device)
}

func (w wantedLab) sessionLinks(i int, backend, self, network string) []string {
	members := w.members(network)
	hub := members[0].Name
	if self != hub {
		return w.link(backend, network, self, hub)
	}
	switch len(members) {
	case 1:
		return w.link(backend, network, self, "")
	case 2:
		return w.link(backend, network, self, members[1].Name)
	}
	args := []string{"-netdev", fmt.Sprintf("hubport,id=%s,hubid=%d", backend, i)}
	for k, m := range members[1:] {
		id := fmt.Sprintf("%slink%d", backend, k)
		args = append(args, w.link(id, network, self, m.Name)...)
		args = append(args, "-netdev", fmt.Sprintf("hubport,id=%sport%d,hubid=%d,netdev=%s", backend, k, i, id))
	}
	return args
}

// link is one end of a wire between two machines.
func (w wantedLab) link(id, network, self, peer string) []string {
	return []string{"-netdev", fmt.Sprintf("dgram,id=%s,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s",
		id, socketPath(w.sockets, network, self, peer), socketPath(w.sockets, network, peer, self))}
}

func socketPath(folder, network, machine, peer string) string {
	return filepath.Join(folder, digestOf(network, machine, peer)[:12])
}
