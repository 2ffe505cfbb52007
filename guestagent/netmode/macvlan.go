package netmode

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/kconfig"
)

var macvlanModes = map[string]netlink.MacvlanMode{
	"":         netlink.MACVLAN_MODE_BRIDGE,
	"bridge":   netlink.MACVLAN_MODE_BRIDGE,
	"private":  netlink.MACVLAN_MODE_PRIVATE,
	"vepa":     netlink.MACVLAN_MODE_VEPA,
	"passthru": netlink.MACVLAN_MODE_PASSTHRU,
}

// macvlan puts a child of the NIC into the container, with a MAC of its own and
// the container's address on the segment. A passthru child takes over the NIC
// with its MAC, and nothing reaches the machine through it meanwhile.
func (b *build) macvlan() (func() []step, error) {
	mode, known := macvlanModes[b.spec.Mode.Mode]
	if !known {
		return nil, fmt.Errorf("build mode %q: macvlan mode %q is unknown; the kernel has bridge, private, vepa and passthru", b.spec.Mode.Name, b.spec.Mode.Mode)
	}
	if b.spec.Mode.Shim && mode != netlink.MACVLAN_MODE_BRIDGE {
		return nil, fmt.Errorf("build mode %q: a shim needs macvlan mode bridge; children of mode %s do not reach each other", b.spec.Mode.Name, b.spec.Mode.Mode)
	}
	child := func(attrs netlink.LinkAttrs) netlink.Link {
		b.note("macvlan %s on %s", nameOf(macvlanModes, mode), b.spec.Self.Device)
		if mode != netlink.MACVLAN_MODE_PASSTHRU {
			attrs.HardwareAddr = hardware(0x42, b.spec.Self.Container.Addr())
		}
		return &netlink.Macvlan{LinkAttrs: attrs, Mode: mode}
	}
	return func() []step {
		steps := []step{
			b.containerSpace(),
			b.childLink(child, checkMacvlan(mode), kconfig.Macvlan),
			b.bringUp(),
			b.address(b.spec.Self.Container),
			b.operational(),
		}
		return append(steps, b.shim(func(attrs netlink.LinkAttrs) netlink.Link {
			return &netlink.Macvlan{LinkAttrs: attrs, Mode: mode}
		}, kconfig.Macvlan)...)
	}, nil
}

func checkMacvlan(mode netlink.MacvlanMode) func(netlink.Link) error {
	return func(made netlink.Link) error {
		if got := made.(*netlink.Macvlan).Mode; got != mode {
			return fmt.Errorf("read macvlan %q back: mode %s in place of %s", inside, nameOf(macvlanModes, got), nameOf(macvlanModes, mode))
		}
		return nil
	}
}

// nameOf is the word for one of the kernel's values, or its number.
func nameOf[T comparable](words map[string]T, value T) string {
	for word, one := range words {
		if one == value && word != "" {
			return word
		}
	}
	return fmt.Sprint(value)
}
