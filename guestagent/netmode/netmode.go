// Package netmode builds the ways in which a container reaches a machine's NIC:
// network namespaces, links, addresses, routes and nft rules, through netlink
// and never by running a program. It sends no traffic of its own and measures
// nothing.
//
// Invariant: what [Machine.Build] made, [Mode.TearDown] removes, and what it
// changed, TearDown puts back, in reverse order. A Build that fails has done so
// itself before it returns.
package netmode

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// requestTimeout bounds each netlink request. The kernel answers most in under a
// millisecond; removing a link waits for RCU, some tens of milliseconds under
// emulation.
const requestTimeout = 10 * time.Second

// Machine is the computer whose NIC the modes use: a network namespace, in a
// guest the only one.
type Machine struct {
	// BeforeStep is called with the name of each step before it is done, and
	// with "undo " and the name before it is undone. An error makes the step
	// fail. Optional; it lets tests fail each step in turn.
	BeforeStep func(step string) error

	space *namespace.Namespace
	links *netlink.Handle
}

// NewMachine speaks to the kernel about a namespace, which stays the caller's
// to close after the Machine.
func NewMachine(space *namespace.Namespace) (*Machine, error) {
	links, err := openHandle(space)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket of the machine: %w", err)
	}
	return &Machine{space: space, links: links}, nil
}

// Close lets go of the machine. Modes must have been torn down before.
func (m *Machine) Close() { m.links.Close() }

func openHandle(space *namespace.Namespace) (*netlink.Handle, error) {
	handle, err := netlink.NewHandleAt(netns.NsHandle(space.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	if err := handle.SetSocketTimeout(requestTimeout); err != nil {
		handle.Close()
		return nil, err
	}
	return handle, nil
}

// Spec says what to build, and for which of the two machines.
type Spec struct {
	Mode  proto.Mode
	Role  proto.Role
	Self  proto.Host
	Peer  proto.Host
	Inner proto.Inner
	// Service is the virtual address of a mode that has one.
	Service netip.Addr
	// Protocol is "tcp" or "udp": what a masquerading server's port is
	// published for.
	Protocol string
	// Control asks for a second port to be published, always TCP: that of a
	// tool's control connection.
	Control bool
}

// Contained reports whether the end that plays a role is in a container.
func (s *Spec) Contained(role proto.Role) bool {
	if s.Mode.Kind == KindHost || s.Mode.Kind == KindLoopback {
		return false
	}
	at := s.Mode.At
	return at == "both" || at == string(role) || at == "" && role == proto.Client
}

func (s *Spec) peerContained() bool {
	if s.Role == proto.Client {
		return s.Contained(proto.Server)
	}
	return s.Contained(proto.Client)
}

// Mode is a mode that was built on one machine.
type Mode struct {
	// Local is the address that a socket binds to.
	Local netip.Addr
	// Port is the one that a server must listen on; 0 is any.
	Port uint16
	// Control is a second such port, where [Spec.Control] asks for one.
	Control uint16
	// Published is the address under which the peer reaches the socket.
	Published netip.Addr
	// Setup lists what was built and changed, one line a thing.
	Setup []string

	build *build
}

// Build sets a mode up. An error that matches [ErrUnsupported] says that this
// kernel lacks something, by name; any other is a failure. The context's end
// stops the set-up between steps, and undoes it.
func (m *Machine) Build(ctx context.Context, spec Spec) (*Mode, error) {
	mode, err := m.setUp(ctx, spec)
	if loaded(ctx, err) {
		return m.setUp(ctx, spec)
	}
	return mode, err
}

func (m *Machine) setUp(ctx context.Context, spec Spec) (*Mode, error) {
	nic, err := m.links.LinkByName(spec.Self.Device)
	if err != nil {
		return nil, fmt.Errorf("find measured NIC %q of %q: %w", spec.Self.Device, spec.Self.Name, err)
	}
	b := &build{machine: m, spec: spec, nic: nic, made: map[string]netlink.Link{}, undone: transaction{before: m.BeforeStep}}
	b.mode = &Mode{Local: spec.Self.Address.Addr(), Published: spec.Self.Address.Addr(), build: b}
	steps, err := b.steps()
	if err != nil {
		return nil, err
	}
	if err := b.undone.run(ctx, steps); err != nil {
		return nil, fmt.Errorf("build mode %q: %w", spec.Mode.Name, err)
	}
	return b.mode, nil
}

// Enter moves the calling locked thread to where the mode's socket belongs: into
// the container, or the machine's own namespace.
func (m *Mode) Enter() error { return m.build.home().Enter() }

// Flush forgets what the machine learnt about the peer's addresses, so that
// neither the last block's MAC nor its connections are taken for this one's.
// No packet may be under way: one that waits for an answer to ARP would be lost.
func (m *Mode) Flush() error {
	return errors.Join(m.build.flushNeighbours(), m.build.flushConntrack())
}

// TearDown undoes everything. It goes on after an error, and may be called again
// for what an error left.
func (m *Mode) TearDown() error {
	if err := m.build.undone.rollBack(); err != nil {
		return fmt.Errorf("tear down mode %q: %w", m.build.spec.Mode.Name, err)
	}
	return nil
}
