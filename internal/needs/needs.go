// Package needs says what a lab needs of a kernel: what a guest needs to boot, and
// what each of its modes, tests and machines asks for beside that. It looks at no
// kernel and runs nothing.
//
// Invariant: a feature that an agent may miss in a mode is among that mode's needs
// here; a test reads the agent's source for it.
package needs

import (
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/kconfig"
	"github.com/testbed-lab/testbed/testbed"
)

// Of is what a lab needs, each thing once: first what all of it needs, then by mode.
func Of(lab testbed.Lab) []kconfig.Need {
	l := &list{}
	for _, cell := range lab.Cells {
		l.add("the guest's boot", boot(lab, cell)...)
	}
	for _, cell := range lab.Cells {
		for _, image := range lab.Images {
			if len(image.Packages) > 0 && lab.Backend == "libvirt" {
				l.add("the packages of image "+image.Name, kconfig.VirtioDisk, kconfig.Erofs, kconfig.Overlay)
			}
		}
		for _, machine := range cell.Machines {
			l.machine(machine)
		}
		for _, mode := range cell.Modes {
			l.add("mode "+mode.Name, ofMode(mode)...)
		}
		for _, test := range cell.Tests {
			l.test(test)
		}
	}
	return l.needs
}

// list gathers needs by what they are for.
type list struct{ needs []kconfig.Need }

func (l *list) add(whose string, features ...kconfig.Feature) {
	i := slices.IndexFunc(l.needs, func(n kconfig.Need) bool { return n.For == whose })
	if i < 0 {
		i, l.needs = len(l.needs), append(l.needs, kconfig.Need{For: whose})
	}
	for _, f := range features {
		if !slices.Contains(l.needs[i].Features, f) {
			l.needs[i].Features = append(l.needs[i].Features, f)
		}
	}
}

// boot is what the cell's guests need, or the kernel whose namespaces are its
// machines.
func boot(lab testbed.Lab, cell testbed.Cell) []kconfig.Feature {
	switch lab.Backend {
	case "libvirt":
		all := append(kconfig.Booted(), kconfig.VirtioPCI, kconfig.VirtioNet, kconfig.VirtioRNG)
		if slices.ContainsFunc(cell.Machines, func(m testbed.Machine) bool { return m.CPUs > 1 }) {
			all = append(all, kconfig.SMP)
		}
		return all
	case "icount":
		// It has no virtio device, but its image is one that could boot with them.
		return append(kconfig.Booted(), kconfig.VirtioPCI, kconfig.VirtioNet, kconfig.SMBIOS, kconfig.Kallsyms, kconfig.Veth, kconfig.Bridge)
	case "local":
		return []kconfig.Feature{kconfig.Sockets, kconfig.Namespaces, kconfig.Veth, kconfig.Bridge}
	}
	return []kconfig.Feature{kconfig.Sockets, kconfig.Namespaces}
}

func (l *list) machine(machine testbed.Machine) {
	for name := range machine.Sysctl {
		name = strings.ReplaceAll(name, "/", ".")
		for start, feature := range kconfig.ModuleSysctls {
			if strings.HasPrefix(name, start) {
				l.add("the sysctls of "+machine.Name, feature)
			}
		}
	}
}

func (l *list) test(test testbed.Test) {
	if test.BusyPoll > 0 {
		l.add("busy_poll of test "+test.Name, kconfig.BusyPoll)
	}
	if test.Evidence {
		l.add("evidence", kconfig.Tracefs, kconfig.FunctionGraph)
	}
	if test.Kmemleak {
		l.add("kmemleak", kconfig.Kmemleak)
	}
	if test.Capabilities {
		l.add("capabilities", kconfig.Tables, kconfig.Conntrack, kconfig.PacketSockets, kconfig.IPv6)
	}
}
