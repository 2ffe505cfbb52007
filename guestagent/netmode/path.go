package netmode

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// innerMark stands before the name of a device that is in the container.
const innerMark = "/"

// Packets are what each device has received and sent so far: the machine's by
// name, the container's with a "/" before it.
func (m *Mode) Packets() (map[string]proto.Packets, error) {
	b := m.build
	packets := map[string]proto.Packets{}
	if err := countPackets(packets, "", b.machine.links); err != nil {
		return nil, err
	}
	if b.links == nil {
		return packets, nil
	}
	return packets, countPackets(packets, innerMark, b.links)
}

func countPackets(into map[string]proto.Packets, mark string, links *netlink.Handle) error {
	all, err := links.LinkList()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	for _, link := range all {
		if s := link.Attrs().Statistics; s != nil {
			into[mark+link.Attrs().Name] = proto.Packets{Received: int64(s.RxPackets), Sent: int64(s.TxPackets)}
		}
	}
	return nil
}

// Between is what came and went from one look to the next; devices without a
// packet are left out.
func Between(before, after map[string]proto.Packets) map[string]proto.Packets {
	between := map[string]proto.Packets{}
	for name, now := range after {
		was := before[name]
		if d := (proto.Packets{Received: now.Received - was.Received, Sent: now.Sent - was.Sent}); d != (proto.Packets{}) {
			between[name] = d
		}
	}
	return between
}

// Of a transaction's packets, which are one each way at least, a device on the
// path carries nearly all, and one beside it none but by chance.
const (
	onPath  = 0.9
	offPath = 0.5
)

// chatter is more packets than the agents' own messages are about a block, which
// cross the management NIC: few transactions do not stand out beside them.
const chatter = 100

// Proof says by the devices' counters whether traffic took the path that the mode
// declares at this end; its error names a device that it missed, or should have.
func (m *Mode) Proof(packets map[string]proto.Packets, transactions int64) error {
	b := m.build
	if transactions == 0 || b.spec.Mode.Kind == KindLoopback && b.spec.Role == proto.Server {
		return nil
	}
	must, may := b.crosses()
	crossed := func(device string, least float64) bool {
		return float64(packets[device].Received+packets[device].Sent) >= least
	}
	all := float64(transactions)
	for _, device := range must {
		if !crossed(device, onPath*all) {
			return fmt.Errorf("declared %s, but packets did not cross %s; they crossed %s", b.declared(), shown(device), devices(packets))
		}
	}
	if err := b.redirected(packets, offPath*all); err != nil {
		return err
	}
	if b.spec.Mode.Kind == KindContainer {
		return nil // Which other devices its engine made for it, nobody has declared.
	}
	for _, device := range slices.Sorted(maps.Keys(packets)) {
		if crossed(device, max(offPath*all, chatter)) && !slices.Contains(must, device) && !slices.Contains(may, device) {
			return fmt.Errorf("declared %s, but packets crossed %s", b.declared(), shown(device))
		}
	}
	return nil
}

// crosses lists the devices that a transaction crosses at this end, and those that
// it may: bridges count only what the machine itself sends through them, and a
// redirect passes the outer end of a pair by.
func (b *build) crosses() (must, may []string) {
	mode := b.spec.Mode
	if mode.Kind == KindLoopback {
		return []string{"lo"}, nil
	}
	must = []string{b.spec.Self.Device}
	if b.tunnels() {
		must = append(must, b.name(tunnelPrefix))
	}
	may = []string{b.name(bridgePrefix), b.name(shimPrefix)}
	if !b.spec.Contained(b.spec.Role) {
		return must, may
	}
	if mode.Kind == KindContainer {
		return append(must, innerMark+b.innerDevice()), nil
	}
	must = append(must, innerMark+inside)
	outer := b.outerEnd()
	switch {
	case outer == "":
	case mode.Redirect != "":
		may = append(may, outer)
	default:
		must = append(must, outer)
	}
	if mode.Masquerade {
		must = append(must, b.name(bridgePrefix))
	}
	return must, may
}

// redirected says whether the programs of a redirect did their work, and did not let
// packets take the way that they have without one: then the outer end of the pair sends
// what arrives, and that of netkit receives what leaves, too.
func (b *build) redirected(packets map[string]proto.Packets, most float64) error {
	if b.spec.Mode.Redirect == "" || !b.spec.Contained(b.spec.Role) {
		return nil
	}
	outer := b.outerEnd()
	past := packets[outer].Sent
	if b.spec.Mode.Kind == KindNetkit {
		past += packets[outer].Received
	}
	if float64(past) >= most {
		return fmt.Errorf("declared %s redirect, but packets crossed %s in its place", b.declared(), outer)
	}
	return nil
}

// declared is the mode in its own words.
func (b *build) declared() string {
	mode := b.spec.Mode
	words := []string{mode.Kind}
	for _, word := range []string{mode.Uplink, mode.Mode} {
		if word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

func shown(device string) string {
	if name, inner := strings.CutPrefix(device, innerMark); inner {
		return "the container's " + name
	}
	return device
}

func devices(packets map[string]proto.Packets) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(packets)) {
		names = append(names, shown(name))
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}
