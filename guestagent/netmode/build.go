package netmode

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// The kinds that are built.
const (
	KindHost      = "host"
	KindLoopback  = "loopback"
	KindVeth      = "veth"
	KindMacvlan   = "macvlan"
	KindIpvlan    = "ipvlan"
	KindNetkit    = "netkit"
	KindVxlan     = "vxlan"
	KindGeneve    = "geneve"
	KindWireguard = "wireguard"
	// KindContainer is one that runs already, in whatever mode its engine made.
	KindContainer = "container"
)

// inside is the container's interface, named as every engine names it.
const inside = "eth0"

// build is a mode in the making, and after that what its tear-down needs.
type build struct {
	machine *Machine
	spec    Spec
	nic     netlink.Link
	mode    *Mode
	undone  transaction

	space *namespace.Namespace // The container's; nil outside of one.
	links *netlink.Handle      // In it.
	eth0  netlink.Link         // The container's, when it was looked up.
	// outer is a prefix for the outer end of the container's pair, where it is not
	// the kind's own.
	outer string
	made  map[string]netlink.Link // On the machine's side, by name.
}

// steps lists what this machine has to do: the container, if it is at this end,
// and the way to the peer's, if one is at the other.
func (b *build) steps() ([]step, error) {
	container, err := b.kind()
	if err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	var steps []step
	if b.delays() {
		steps = append(steps, b.delay())
	}
	if b.spec.Contained(b.spec.Role) {
		steps = append(steps, container()...)
	} else {
		steps = append(steps, b.tunnelEnd()...)
	}
	steps = append(steps, b.tuning()...)
	if b.serves() {
		steps = append(steps, b.servicePath()...)
	}
	if b.spec.peerContained() && b.needsRoute() {
		steps = append(steps, b.peerRoute())
	}
	return steps, nil
}

// check refuses attributes that the kind does not have.
func (b *build) check() error {
	for _, one := range []func() error{b.checkDelay, b.checkRules, b.checkRedirect, b.checkShim, b.checkService, b.checkTuning} {
		if err := one(); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) kind() (func() []step, error) {
	switch mode := b.spec.Mode; mode.Kind {
	case KindHost:
		return b.host, nil
	case KindLoopback:
		return b.loopback, nil
	case KindVeth:
		return b.veth()
	case KindMacvlan:
		return b.macvlan()
	case KindIpvlan:
		return b.ipvlan()
	case KindNetkit:
		return b.netkit()
	case KindVxlan, KindGeneve:
		return b.tunnelToBridge, nil
	case KindWireguard:
		return b.wireguardRouted, nil
	case KindContainer:
		return b.running, nil
	default:
		return nil, fmt.Errorf("build mode %q: kind %q is unknown; this agent knows host, loopback, veth, macvlan, ipvlan, netkit, vxlan, geneve, wireguard and container", mode.Name, mode.Kind)
	}
}

// home is the namespace of the socket.
func (b *build) home() *namespace.Namespace {
	if b.space != nil {
		return b.space
	}
	return b.machine.space
}

func (b *build) note(format string, args ...any) {
	b.mode.Setup = append(b.mode.Setup, fmt.Sprintf(format, args...))
}

// at says that the socket has an address of the container's own.
func (b *build) at(local netip.Addr) { b.mode.Local, b.mode.Published = local, local }

// name of a device that belongs to the machine's side. It carries the NIC's name
// so that devices stay apart where machines share one kernel; 15 bytes is the
// kernel's limit (IFNAMSIZ).
func (b *build) name(prefix string) string {
	nic := b.spec.Self.Device
	if room := 15 - len(prefix); len(nic) > room {
		nic = nic[len(nic)-room:]
	}
	return prefix + nic
}

// hardware is a locally administered MAC made of an IPv4 address, as Docker's
// are: the same in every block, so nothing differs but the mode.
func hardware(prefix byte, address netip.Addr) net.HardwareAddr {
	four := address.As4()
	return net.HardwareAddr{0x02, prefix, four[0], four[1], four[2], four[3]}
}

// containerSpace makes the container's namespace, without IPv6: router
// solicitations, DAD and MLD reports would be noise in the first seconds, which
// is all that a block has.
func (b *build) containerSpace() step {
	return step{
		name: "make the container's namespace",
		do: func() (err error) {
			b.space, err = namespace.New(b.quieten)
			if err != nil {
				return err
			}
			if b.links, err = openHandle(b.space); err != nil {
				b.space.Close()
				b.space = nil
			}
			return err
		},
		undo: func() error {
			b.links.Close()
			err := b.space.Close()
			b.space, b.links, b.eth0 = nil, nil, nil
			return err
		},
	}
}

// quieten runs in the container's namespace. A gateway on the container's own
// segment would redirect it past itself, and so past a service.
func (b *build) quieten() error {
	if b.serves() {
		if err := writeSysctl("net/ipv4/conf/all/accept_redirects", "0"); err != nil {
			return err
		}
		if err := writeSysctl("net/ipv4/conf/default/accept_redirects", "0"); err != nil {
			return err
		}
	}
	return writeIfThere("net/ipv6/conf/default/disable_ipv6", "1")
}

// bringUp sets the container's devices up, lo as well.
func (b *build) bringUp() step {
	return step{name: "set the container's links up", do: func() error {
		link, err := b.insideLink()
		if err != nil {
			return err
		}
		for _, one := range []netlink.Link{loopback, link} {
			if err := b.links.LinkSetUp(one); err != nil {
				return fmt.Errorf("set link %q up in the container: %w", one.Attrs().Name, err)
			}
		}
		return nil
	}}
}

// loopback is the first device of every namespace (LOOPBACK_IFINDEX).
var loopback = &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: "lo", Index: 1}}

// insideLink looks the container's interface up once: under emulation every
// question to the kernel is half a millisecond.
func (b *build) insideLink() (netlink.Link, error) {
	if b.eth0 != nil {
		return b.eth0, nil
	}
	link, err := b.links.LinkByName(inside)
	if err != nil {
		return nil, fmt.Errorf("find link %q in the container: %w", inside, err)
	}
	b.eth0 = link
	return link, nil
}

// address gives the container its address, without a wait: IPv4 has no DAD here.
func (b *build) address(address netip.Prefix) step {
	return step{name: "give the container its address", do: func() error {
		link, err := b.insideLink()
		if err != nil {
			return err
		}
		if err := addAddress(b.links, link, address); err != nil {
			return err
		}
		b.at(address.Addr())
		b.note("container %s %s", inside, address)
		return nil
	}}
}

// innerDevice is the name of the container's interface.
func (b *build) innerDevice() string {
	if b.eth0 != nil {
		return b.eth0.Attrs().Name
	}
	return inside
}

func addAddress(handle *netlink.Handle, link netlink.Link, address netip.Prefix) error {
	if err := handle.AddrAdd(link, &netlink.Addr{IPNet: ipNet(address)}); err != nil {
		return fmt.Errorf("add address %s to %q: %w", address, link.Attrs().Name, err)
	}
	return nil
}

// ipNet keeps the host part of the address.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// writeIfThere writes a sysctl that a kernel may have been built without.
func writeIfThere(key, value string) error {
	err := os.WriteFile("/proc/sys/"+key, []byte(value), 0)
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// other names the other machine in a sentence.
func (b *build) other() string {
	if b.spec.Peer.Name != "" {
		return b.spec.Peer.Name
	}
	if b.spec.Role == proto.Client {
		return string(proto.Server)
	}
	return string(proto.Client)
}
