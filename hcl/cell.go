package hcl

import (
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

// cellLoader reads the blocks of one cell.
type cellLoader struct {
	*loader
	scope *scope
	cell  testbed.Cell
	// damaged are machines whose interfaces are not all known, for a mistake
	// that has been reported.
	damaged map[string]bool
	subnets map[string]*blockSource
	nics    []nicSource
}

func (l *loader) cells() {
	for _, c := range l.source.combinations() {
		cl := &cellLoader{
			loader:  l,
			scope:   newScope(l.source, c.values),
			cell:    testbed.Cell{Coordinates: c.coordinates},
			damaged: map[string]bool{}, subnets: map[string]*blockSource{},
		}
		cl.load()
		l.lab.Cells = append(l.lab.Cells, cl.cell)
		l.predicates = append(l.predicates, cl.expectations())
	}
	for _, image := range l.all {
		if l.used[image.Name] {
			l.lab.Images = append(l.lab.Images, image)
		}
	}
}

func (c *cellLoader) load() {
	for _, name := range c.scope.declared("local") {
		c.scope.resolve(node{"local", name}, nil)
	}
	c.networks()
	c.machines()
	c.hypervisors()
	c.allocate()
	c.modes()
	c.tests()
}

func (c *cellLoader) networks() {
	for _, b := range c.source.of(networkBlock) {
		f := c.scope.fields(b, nil)
		n := testbed.Network{
			Name:    b.label,
			MTU:     get[int](f, "mtu"),
			Connect: get[string](f, "connect"),
			Bridge:  get[string](f, "bridge"),
		}
		if f.ok("subnet") {
			c.subnet(f, &n)
		}
		if f.set("bridge") && f.ok("bridge") && !deviceName.MatchString(n.Bridge) {
			f.reject("bridge", "Bad bridge", "%q is no name of a bridge. It is as ip link shows it, such as \"br0\".", n.Bridge)
		}
		if c.exists() && f.set("mtu") {
			f.reject("mtu", "Not ours to set", "The machines of this lab exist, and so does their NICs' MTU. Leave \"mtu\" out.")
		}
		c.cell.Networks = append(c.cell.Networks, n)
	}
}

func (c *cellLoader) machines() {
	taken := map[string]*blockSource{}
	for _, b := range c.source.blocks {
		if b.void || (b.spec != vmBlock && b.spec != machineBlock) {
			continue
		}
		instances, _ := c.scope.instances(b)
		for _, i := range instances {
			if c.source.taken(taken, b, i) {
				continue
			}
			c.cell.Machines = append(c.cell.Machines, c.machine(b, i))
		}
	}
}

func (c *cellLoader) machine(b *blockSource, i instance) testbed.Machine {
	if problem := labelProblem(b.spec, i.name); problem != "" && labelProblem(b.spec, b.label) == "" {
		c.source.out.errorf(b.labelAt(), "Bad name", "With its number the name is %q. %s", i.name, problem)
	}
	if b.spec == machineBlock {
		return c.computer(b, i)
	}
	return c.vm(b, i)
}

func (c *cellLoader) modes() {
	c.cell.Modes = []testbed.Mode{{Name: "host", Kind: "host", At: testbed.AtClient}}
	taken := map[string]*blockSource{}
	for _, b := range c.source.of(modeBlock) {
		instances, _ := c.scope.instances(b)
		for _, i := range instances {
			if c.source.taken(taken, b, i) {
				continue
			}
			c.cell.Modes = append(c.cell.Modes, mode(c.scope.fields(b, i.names), i.name))
		}
	}
}

func (c *cellLoader) tests() {
	taken := map[string]*blockSource{}
	for _, b := range c.source.of(testBlock) {
		instances, _ := c.scope.instances(b)
		for _, i := range instances {
			if c.source.taken(taken, b, i) {
				continue
			}
			c.cell.Tests = append(c.cell.Tests, c.test(c.scope.fields(b, i.names), i.name))
		}
	}
	if slices.ContainsFunc(c.cell.Tests, func(t testbed.Test) bool { return slices.Contains(t.Modes, "loopback") }) {
		c.cell.Modes = append(c.cell.Modes, testbed.Mode{Name: "loopback", Kind: "loopback", At: testbed.AtClient})
	}
}
