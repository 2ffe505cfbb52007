package netmode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	bpf "github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/kconfig"
)

// Offsets in struct __sk_buff (linux/bpf.h), and bytes of it.
const (
	skbProtocol = 16
	wordBytes   = 4
)

// Offsets of the addresses in an IPv4 header are in nat.go. BPF_HDR_START_NET
// counts from there, whether or not there is an Ethernet header before.
const headerStartNet = 1

// actionNext is TC_ACT_UNSPEC and NETKIT_NEXT (linux/pkt_cls.h, linux/if_link.h):
// whoever comes next decides, and without one the packet goes on.
const actionNext = -1

// filterHandle is our filter's name among those of a priority.
const filterHandle = 1

// filterPriority is its place: a sibling's is behind the first container's.
func (b *build) filterPriority() uint16 {
	if b.outer != "" {
		return 2
	}
	return 1
}

var errNoRedirect = errors.New("redirect is for veth with uplink routed, and for netkit")

// checkRedirect refuses a redirect that is not there.
func (b *build) checkRedirect() error {
	switch mode := b.spec.Mode; {
	case mode.Redirect == "":
		return nil
	case mode.Redirect != "peer":
		return fmt.Errorf("build mode %q: redirect %q is unknown; there is peer", mode.Name, mode.Redirect)
	case mode.Kind == KindNetkit, mode.Kind == KindVeth && mode.Uplink == "routed":
		return nil
	default:
		return fmt.Errorf("build mode %q: %w", mode.Name, errNoRedirect)
	}
}

// redirectDepartures is what Cilium does with what leaves a container: a program
// where it arrives on the machine's side hands each IPv4 packet to the NIC, with
// the neighbour's MAC, past forwarding and netfilter. What is for the machine
// itself goes on to it, and so does ARP.
func (b *build) redirectDepartures(name string) step {
	return b.classify(name, func() asm.Instructions { return b.toNeighbour() })
}

// redirectArrivals hands what arrives on the NIC for the container to the inner
// end of its pair, at once: bpf_redirect_peer saves the way through the
// per-CPU backlog that the pair has otherwise.
func (b *build) redirectArrivals(name string) step {
	return b.classify(b.spec.Self.Device, func() asm.Instructions {
		return redirectIf(asm.JNE, b.spec.Self.Container.Addr(), b.made[name].Attrs().Index, asm.FnRedirectPeer)
	})
}

// redirectNetkit runs the program of redirectDepartures in the container's own
// context of sending: netkit has no backlog there that could be saved.
func (b *build) redirectNetkit(name string) step {
	var attached link.Link
	return step{
		name: "attach a program to " + name,
		do: func() error {
			program, err := load(b.toNeighbour(), ebpf.AttachNetkitPeer)
			if err != nil {
				return err
			}
			defer program.Close()
			return b.machine.space.Do(func() (err error) {
				attached, err = link.AttachNetkit(link.NetkitOptions{
					Interface: b.made[name].Attrs().Index, Program: program, Attach: ebpf.AttachNetkitPeer,
				})
				if err != nil {
					return fmt.Errorf("attach program to netkit %q: %w", name, err)
				}
				b.note("BPF redirect_neigh on %s → %s", inside, b.spec.Self.Device)
				return nil
			})
		},
		undo: func() error { return attached.Close() },
	}
}

func (b *build) toNeighbour() asm.Instructions {
	return redirectIf(asm.JEq, b.spec.Self.Address.Addr(), b.nic.Attrs().Index, asm.FnRedirectNeigh)
}

// redirectIf is a program that redirects IPv4 packets to a device, but for those
// that jump on comparing their destination with an address.
func redirectIf(skip asm.JumpOp, address netip.Addr, device int, function asm.BuiltinFunc) asm.Instructions {
	program := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R2, asm.R6, skbProtocol, asm.Word),
		asm.JNE.Imm(asm.R2, int32(networkOrder(unix.ETH_P_IP)), "pass"),
		// bpf_skb_load_bytes_relative(skb, offset, to, length, start)
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, ipDestination),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, -2*wordBytes),
		asm.Mov.Imm(asm.R4, wordBytes),
		asm.Mov.Imm(asm.R5, headerStartNet),
		asm.FnSkbLoadBytesRelative.Call(),
		asm.JNE.Imm(asm.R0, 0, "pass"),
		asm.LoadMem(asm.R2, asm.RFP, -2*wordBytes, asm.Word),
	}
	four := address.As4()
	program = append(program,
		skip.Imm32(asm.R2, int32(binary.NativeEndian.Uint32(four[:])), "pass"),
		asm.Mov.Imm(asm.R1, int32(device)),
		asm.Mov.Imm(asm.R2, 0),
	)
	if function == asm.FnRedirectNeigh { // (device, parameters, length, flags)
		program = append(program, asm.Mov.Imm(asm.R3, 0), asm.Mov.Imm(asm.R4, 0))
	}
	return append(program,
		function.Call(),
		asm.Return(),
		asm.Mov.Imm(asm.R0, actionNext).WithSymbol("pass"),
		asm.Return(),
	)
}

// networkOrder is a 16-bit number as it is read out of a packet.
func networkOrder(n uint16) uint16 {
	var two [2]byte
	binary.BigEndian.PutUint16(two[:], n)
	return binary.NativeEndian.Uint16(two[:])
}

func load(program asm.Instructions, attach ebpf.AttachType) (*ebpf.Program, error) {
	loaded, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "testbed", Type: ebpf.SchedCLS, AttachType: attach, Instructions: program, License: "Dual MIT/GPL",
	})
	if err != nil {
		return nil, unloaded(err, bpf.HaveProgramHelper(ebpf.SchedCLS, asm.FnRedirectPeer))
	}
	return loaded, nil
}

// unloaded is why a program was not loaded. The verifier's EINVAL is of a kernel that
// does not know a function as well as of a program that it finds wrong, so what decides
// is whether it has the function, which a probe has asked.
func unloaded(err, helper error) error {
	if errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, unix.ENOSYS) || errors.Is(helper, ebpf.ErrNotSupported) {
		return fmt.Errorf("%w (%v)", &UnsupportedError{kconfig.RedirectPeer}, err)
	}
	var refused *ebpf.VerifierError
	if errors.As(err, &refused) { // Of its log, the library tells a line or two.
		return fmt.Errorf("load BPF program: %w; the verifier's log: %s", err, strings.Join(refused.Log, "; "))
	}
	return fmt.Errorf("load BPF program: %w", err)
}

// classify is a step that puts a program where packets arrive on a device: into
// its clsact qdisc, which it makes and removes unless somebody else has one there.
func (b *build) classify(device string, program func() asm.Instructions) step {
	filter, made := (*netlink.BpfFilter)(nil), false
	return step{
		name: "classify what arrives on " + device,
		do: func() error {
			loaded, err := load(program(), ebpf.AttachNone)
			if err != nil {
				return err
			}
			defer loaded.Close()
			return b.withLink(device, func(on netlink.Link) error {
				if made, err = b.clsact(on.Attrs().Index); err != nil {
					return err
				}
				filter = b.ingressFilter(on.Attrs().Index, loaded.FD())
				if err := b.machine.links.FilterAdd(filter); err != nil {
					return errors.Join(explainFilter(err), b.removeClsact(on.Attrs().Index, made))
				}
				b.note("BPF program where packets arrive on %s", device)
				return nil
			})
		},
		undo: func() error {
			if made {
				return b.removeClsact(filter.LinkIndex, true)
			}
			return b.machine.links.FilterDel(filter)
		},
	}
}

func (b *build) ingressFilter(device, program int) *netlink.BpfFilter {
	return &netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: device, Parent: netlink.HANDLE_MIN_INGRESS, Handle: filterHandle,
			Priority: b.filterPriority(), Protocol: unix.ETH_P_ALL,
		},
		Fd: program, Name: "testbed", DirectAction: true,
	}
}

func explainFilter(err error) error {
	if errors.Is(err, unix.EEXIST) {
		return errors.New("add filter: somebody's has the same place; look with: tc filter show dev DEVICE ingress")
	}
	if lacking(err) {
		return fmt.Errorf("%w (%v)", &UnsupportedError{kconfig.RedirectPeer}, err)
	}
	return fmt.Errorf("add filter: %w", err)
}

func clsactOf(device int) *netlink.Clsact {
	return &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: device, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
}

func (b *build) clsact(device int) (made bool, err error) {
	err = b.machine.links.QdiscAdd(clsactOf(device))
	if errors.Is(err, unix.EEXIST) {
		return false, nil
	}
	if lacking(err) {
		return false, &UnsupportedError{kconfig.Clsact}
	}
	if err != nil {
		return false, fmt.Errorf("add clsact: %w", err)
	}
	return true, nil
}

func (b *build) removeClsact(device int, made bool) error {
	if !made {
		return nil
	}
	if err := b.machine.links.QdiscDel(clsactOf(device)); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove clsact: %w", err)
	}
	return nil
}
