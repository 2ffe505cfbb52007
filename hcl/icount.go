package hcl

import (
	"fmt"
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

// backendIcount is the backend whose clock counts instructions.
const backendIcount = "icount"

// counts reports whether the lab's clock counts instructions.
func (l *loader) counts() bool { return l.lab.Backend == backendIcount }

// checkOneGuest refuses what the machines of a cell, which share one guest, cannot
// differ in or have.
func (c *cellLoader) checkOneGuest(f fields, m testbed.Machine) {
	if len(c.cell.Machines) > 0 && f.ok("image") && c.cell.Machines[0].Image != m.Image {
		f.reject("image", "One guest", "On the backend \"icount\" the machines of a cell share one guest, so two images mean nothing: here %s, before it image.%s. Use one, or compare images in a matrix.", get[ref](f, "image").code, c.cell.Machines[0].Image)
	}
	if m.CPUs > 1 {
		f.reject("cpus", "One processor", "Instructions are counted on one processor. Leave \"cpus\" out, or use the backend \"libvirt\".")
	}
	if m.Setup != "" {
		f.reject("setup", "No way in", "A guest that counts instructions runs nothing but the agent. Leave \"setup\" out, or use the backend \"libvirt\".")
	}
	c.checkSysctls(f, m)
	i := slices.IndexFunc(c.all, func(image testbed.Image) bool { return image.Name == m.Image })
	if i >= 0 && len(c.all[i].Packages) > 0 {
		f.reject("image", "No disk", "Image %q adds packages, and a guest that counts instructions has no disk to hold them. Leave packages out, or use the backend \"libvirt\".", m.Image)
	}
}

// counted makes a test one of a clock that counts instructions: a number of
// transactions in place of a time, and seeds in place of rounds and boots, since
// the same seed gives the same figures.
func (c *cellLoader) counted(f fields, t testbed.Test) testbed.Test {
	if !c.counts() {
		return t
	}
	if t.Engine != "" && t.Engine != "testbed" {
		f.reject("engine", "No clock", "%s measures by the clock, and this backend's counts instructions. Leave \"engine\" out, or use another backend.", t.Engine)
	}
	if t.Load != nil {
		f.reject("rate", "No clock", "An open loop sends by the clock and waits, and waiting is not counted. Leave \"rate\" out, or use another backend.")
	}
	for _, name := range t.Modes {
		if why := c.uncountable(name); why != "" {
			f.reject("modes", "Not counted", "Mode %q %s. Leave it out, or use another backend.", name, why)
		}
	}
	c.checkRoom(f, t)
	t.Rounds, t.MaxRounds, t.Precision = 1, 0, 0
	t.Block, t.Boots = 0, t.Seeds
	if !f.set("priority") {
		t.Priority = countedPriority
	}
	return t
}

// checkRoom refuses a block whose samples, 8 bytes each, certainly do not fit into the
// guest's memory: the agent fills half of what is free of it.
func (c *cellLoader) checkRoom(f fields, t testbed.Test) {
	var memory uint64
	for _, m := range c.cell.Machines { // They share the guest of the largest.
		memory = max(memory, m.Memory)
	}
	if most := memory / 2 / 8; t.Samples == "all" && memory > 0 && uint64(t.Transactions) > most {
		f.reject("transactions", "No room", "samples = \"all\" keeps 8 bytes a transaction in half of the guest's memory at most, and half of %dMiB holds %d, not %d. Write fewer, give a vm more memory, or leave \"samples\" out.", memory>>20, most, t.Transactions)
	}
}

// countedPriority is the least of the real-time ones. Among equals there, whoever
// is woken waits until the other one waits; the ordinary scheduler lets it go first
// or not, by what both have used before, and the two ways differ by some 8% of a
// transaction: 5 to 47% of the switches were such ones, measured on Linux 6.12.
const countedPriority = 1

// uncountable says why a mode cannot be counted.
func (c *cellLoader) uncountable(name string) string {
	m, ok := c.cell.Mode(name)
	switch {
	case !ok:
		return ""
	case m.Delay > 0 && !c.waits:
		return fmt.Sprintf("waits %s, and waiting takes no instructions", m.Delay)
	case m.Container != "":
		return "is a container that runs already, and in this guest none does"
	}
	return ""
}
