package netmode

import (
	"fmt"
	"math"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/kconfig"
)

// maxDelay keeps a request that is under way from being taken for a lost one.
const maxDelay = time.Second

// netemLimit is how many packets netem holds before it drops; a transaction has
// one or two, so this is what thousands of parallel connections need.
const netemLimit = 10000

// delays says whether this end holds requests back: the client's, so that a
// transaction is longer by the delay once.
func (b *build) delays() bool {
	return b.spec.Mode.Delay > 0 && b.spec.Role == proto.Client
}

func (b *build) checkDelay() error {
	mode := b.spec.Mode
	switch {
	case mode.Delay == 0:
		return nil
	case mode.Kind != KindHost:
		return fmt.Errorf("build mode %q: a delay belongs to kind host, and this is %s", mode.Name, mode.Kind)
	case mode.Delay < 0 || mode.Delay > maxDelay:
		return fmt.Errorf("build mode %q: a delay of %v is not within 0s and %v", mode.Name, mode.Delay, maxDelay)
	}
	return nil
}

// delay puts netem at the NIC's root in place of the qdisc that the kernel gave
// it. When netem goes the kernel gives the NIC a new one of its default kind, so
// only such a one is replaced: its handle is 0. One that somebody configured
// could not be put back as it was, with its classes and filters.
func (b *build) delay() step {
	var before []string
	return step{
		name: "delay what leaves " + b.spec.Self.Device,
		do: func() (err error) {
			if before, err = b.rootQdiscs(); err != nil {
				return err
			}
			if err := b.machine.links.QdiscAdd(netem(b.nic.Attrs().Index, b.spec.Mode.Delay)); err != nil {
				return explainNetem(fmt.Errorf("add netem to %q: %w", b.spec.Self.Device, err))
			}
			b.note("netem delay %v on %s", b.spec.Mode.Delay, b.spec.Self.Device)
			return nil
		},
		undo: func() error {
			if err := b.machine.links.QdiscDel(netem(b.nic.Attrs().Index, 0)); err != nil {
				return fmt.Errorf("remove netem from %q: %w", b.spec.Self.Device, err)
			}
			after, err := b.rootQdiscs()
			if err == nil && fmt.Sprint(before) != fmt.Sprint(after) {
				err = fmt.Errorf("qdisc of %q was %v and is %v now: set it again by hand, with tc", b.spec.Self.Device, before, after)
			}
			return err
		},
	}
}

// rootQdiscs lists the kinds of what the kernel put at the NIC's root, and
// refuses what it did not.
func (b *build) rootQdiscs() ([]string, error) {
	all, err := b.machine.links.QdiscList(b.nic)
	if err != nil {
		return nil, fmt.Errorf("list qdiscs of %q: %w", b.spec.Self.Device, err)
	}
	var kinds []string
	for _, qdisc := range all {
		switch a := qdisc.Attrs(); {
		case a.Parent == netlink.HANDLE_INGRESS || a.Parent == netlink.HANDLE_CLSACT:
		case a.Handle != 0:
			return nil, fmt.Errorf("%q has a qdisc of its own, %s %s, which could not be put back after a delay: remove it with: tc qdisc del dev %[1]s root",
				b.spec.Self.Device, qdisc.Type(), netlink.HandleStr(a.Handle))
		default:
			kinds = append(kinds, qdisc.Type())
		}
	}
	return kinds, nil
}

// netem takes its delay in ticks of 64 ns (PSCHED_SHIFT), so one of 50 µs is
// 16 ns short at most.
func netem(link int, delay time.Duration) netlink.Qdisc {
	const tick = 64
	return &netlink.Netem{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(1, 0)},
		Latency:    uint32(math.Round(float64(delay.Nanoseconds()) / tick)), Limit: netemLimit,
	}
}

// explainNetem turns a refusal into an [UnsupportedError] if an empty namespace
// refuses the same, where nothing of this machine can be the reason.
func explainNetem(refused error) error {
	if !lacking(refused) || probeNetem() == nil {
		return refused
	}
	return &UnsupportedError{kconfig.Netem}
}

func probeNetem() error {
	space, err := namespace.New(nil)
	if err != nil {
		return err
	}
	defer space.Close()
	handle, err := openHandle(space)
	if err != nil {
		return err
	}
	defer handle.Close()
	return handle.QdiscAdd(netem(loopback.Index, time.Millisecond))
}
