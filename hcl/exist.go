package hcl

import (
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

// backendSSH is the backend of a lab whose machines exist.
const backendSSH = "ssh"

// existing takes note of machines that exist: they are a backend of their own,
// which nobody has to name, and for which nothing is booted.
func (l *loader) existing(f fields) {
	computers := l.source.of(machineBlock)
	if len(computers) == 0 {
		return
	}
	if len(l.source.of(vmBlock)) > 0 {
		b := computers[0]
		l.source.out.errorf(b.at(), "Mixed machines", "A lab has either vm or machine blocks for now: the segment of a VM ends in this computer, and machine %q is not on it.", b.label)
	}
	if f.set("backend") {
		f.reject("backend", "Two backends", "Machine blocks are computers that exist, and no backend makes them. Leave \"backend\" out, or use vm blocks.")
	}
	if l.backend != "" {
		l.source.out.errorf(computers[0].at(), "Two backends", "Machine blocks are computers that exist, and no backend makes them. Leave --backend %s out, or use vm blocks.", l.backend)
	}
	if f.set("connect") {
		f.reject("connect", "No libvirt", "Machine blocks are computers that exist, and no libvirt makes them. Leave \"connect\" out.")
	}
	l.lab.Backend = backendSSH
}

// bootable refuses more than one boot of what testbed does not boot.
func (l *loader) bootable(f fields) {
	if !f.set("boots") || get[int](f, "boots") <= 1 {
		return
	}
	switch l.lab.Backend {
	case backendSSH:
		f.reject("boots", "Nothing boots", "Machine blocks are computers that exist; testbed does not boot them. Leave \"boots\" out.")
	case backendLocal:
		f.reject("boots", "Nothing boots", "On the backend \"local\" every machine runs the kernel that is there; testbed does not boot it. Leave \"boots\" out, or use the backend \"libvirt\".")
	}
}

// exists reports whether the lab's machines do.
func (l *loader) exists() bool { return l.lab.Backend == backendSSH }

// sameComputer reports a second machine block for a computer: packets between
// its own addresses never leave it.
func (c *cellLoader) sameComputer(f fields, m testbed.Machine) {
	for _, other := range c.cell.Machines {
		if other.SSH == m.SSH && f.ok("ssh") {
			f.reject("ssh", "One machine", "Machine %q is %s already. Packets between two addresses of one computer never reach its NIC.", other.Name, m.SSH)
			return
		}
	}
}

// checkShare reports modes of a test that would take a NIC away from what else a
// machine does with it.
func (c *cellLoader) checkShare(f fields, t testbed.Test) {
	for _, r := range get[[]refAt](f, "modes") {
		m, known := c.cell.Mode(r.name)
		if !known {
			continue
		}
		c.checkShareAt(r, m, testbed.AtClient, t.Client)
		c.checkShareAt(r, m, testbed.AtServer, t.Server)
	}
}

func (c *cellLoader) checkShareAt(r refAt, m testbed.Mode, end testbed.End, name string) {
	machine, _ := c.cell.Machine(name)
	if why := harm(m, end); why != "" && machine.Share {
		c.source.out.errorf(r.at, "Shared NIC", "%s %s, and machine %q shares its NIC with its SSH session or its default route. Give it a NIC of its own, or leave the mode out.", r.code, why, name)
	}
}

// harm is what a mode does to the rest of a NIC at one end; package attach
// refuses the same on the machine.
func harm(m testbed.Mode, end testbed.End) string {
	here := slices.Contains([]testbed.End{end, testbed.AtBoth}, m.At)
	switch {
	case here && m.Kind == "veth" && m.Uplink == "l2":
		return "takes the addresses off the NIC and puts it into a bridge"
	case here && m.Kind == "macvlan" && m.Mode == "passthru":
		return "gives the NIC away to the container"
	case end == testbed.AtClient && m.Delay > 0:
		return "delays all that the NIC carries"
	case m.ThreadedNAPI != nil, m.Kind == "host" && m.Tuned():
		return "changes settings of the NIC"
	}
	return ""
}
