package hcl

import (
	"cmp"
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

const backendLibvirt = "libvirt"

// hypervisors gives each VM the hypervisor that it runs on, and sees that those of one
// network can reach each other. It follows the machines, as an interface may name a
// network that is declared after its VM.
func (c *cellLoader) hypervisors() {
	if c.lab.Backend != backendLibvirt {
		return // Machines there share one kernel, or one guest.
	}
	for i := range c.cell.Machines {
		m := &c.cell.Machines[i]
		for _, nic := range m.NICs {
			at := slices.IndexFunc(c.cell.Networks, func(n testbed.Network) bool { return n.Name == nic.Network })
			if at >= 0 && m.Connect == "" {
				m.Connect = c.cell.Networks[at].Connect
			}
		}
	}
	for _, n := range c.cell.Networks {
		c.oneHypervisor(n)
	}
}

// oneHypervisor reports a network of machines on two, and one that has none to be on.
func (c *cellLoader) oneHypervisor(n testbed.Network) {
	var first *testbed.Machine
	for i := range c.cell.Machines {
		m := &c.cell.Machines[i]
		if !slices.ContainsFunc(m.NICs, func(nic testbed.NIC) bool { return nic.Network == n.Name }) {
			continue
		}
		at := cmp.Or(m.Connect, c.lab.Connect)
		if h, err := testbed.ParseConnect(at); n.Bridge != "" && err == nil && !h.System {
			c.source.out.errorf(c.networkBlock(n.Name).at(), "No bridge", "A session may use no bridge, and machine %q runs on %s. Write \"/system\" there, or leave \"bridge\" out.", m.Name, at)
			return
		}
		if first == nil {
			first = m
			continue
		}
		if other := cmp.Or(first.Connect, c.lab.Connect); n.Bridge == "" && other != at {
			c.source.out.errorf(c.networkBlock(n.Name).at(), "Two hypervisors", "Machines %q and %q are on network %q, and run on %s and on %s. Name a bridge that exists on each and joins them, bridge = \"br0\", or have all run on one.",
				first.Name, m.Name, n.Name, called(other), called(at))
			return
		}
	}
}

// called is a hypervisor in a sentence.
func called(connect string) string {
	return cmp.Or(connect, "this computer's libvirt")
}

func (c *cellLoader) networkBlock(name string) *blockSource {
	for _, b := range c.source.of(networkBlock) {
		if b.label == name {
			return b
		}
	}
	return nil
}
