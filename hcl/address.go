package hcl

import (
	"encoding/binary"
	"net/netip"

	"github.com/testbed-lab/testbed/testbed"
)

// firstContainer is where containers' addresses begin in a subnet that is large
// enough: a glance at 10.77.0.101 tells that it is the container of 10.77.0.1.
const firstContainer = 101

// subnet checks that networks do not overlap.
func (c *cellLoader) subnet(f fields, n *testbed.Network) {
	prefix := get[netip.Prefix](f, "subnet")
	for _, other := range c.cell.Networks {
		if other.Subnet.IsValid() && other.Subnet.Overlaps(prefix) {
			f.reject("subnet", "Overlapping networks", "%s overlaps %s, the subnet of network.%s. Every network needs addresses of its own.", prefix, other.Subnet, other.Name)
			return
		}
	}
	n.Subnet = prefix
	c.subnets[n.Name] = f.block
}

// allocate gives every interface its addresses and its MAC.
func (c *cellLoader) allocate() {
	macs := map[string]bool{}
	lab := c.lab.Name
	if c.counts() {
		lab = "" // Nothing meets the guest, and an address decides hashes, so figures.
	}
	for _, m := range c.cell.Machines {
		for i := range m.NICs {
			m.NICs[i].MAC = mac(lab, m.Name, i, macs)
		}
	}
	for _, n := range c.cell.Networks {
		if n.Subnet.IsValid() {
			c.allocateOn(n)
		}
	}
}

func (c *cellLoader) allocateOn(n testbed.Network) {
	var here []nicSource
	for _, s := range c.nics {
		if s.network == n.Name {
			here = append(here, s)
		}
	}
	pool := &pool{subnet: n.Subnet, taken: map[netip.Addr]string{}}
	if !c.explicit(pool, here) {
		return
	}
	if need := 2 * len(here); need > pool.hosts() {
		c.tooSmall(n, need)
		return
	}
	for _, s := range here {
		c.nicOf(s).Address = netip.PrefixFrom(pool.explicitOr(s, 1), n.Subnet.Bits())
	}
	from := 1
	if pool.hosts() >= firstContainer-1+len(here) {
		from = firstContainer
	}
	for _, s := range here {
		c.nicOf(s).Container = netip.PrefixFrom(pool.next(from), n.Subnet.Bits())
	}
}

// explicit reserves the addresses that the file gives.
func (c *cellLoader) explicit(p *pool, here []nicSource) bool {
	ok := true
	for _, s := range here {
		if s.address == nil {
			continue
		}
		reject := func(detail string, args ...any) {
			c.source.out.errorf(s.at, "Bad address", detail, args...)
			ok = false
		}
		switch owner := p.taken[*s.address]; {
		case !p.subnet.Contains(*s.address):
			reject("%s is not in %s, the subnet of network.%s.", s.address, p.subnet, s.network)
		case *s.address == p.at(0):
			reject("%s is the address of the subnet itself. The first of a machine is %s.", s.address, p.at(1))
		case *s.address == p.at(p.hosts()+1):
			reject("%s is the broadcast address of %s. The last of a machine is %s.", s.address, p.subnet, p.at(p.hosts()))
		case owner != "":
			reject("%s has %s already. Leave the address out, and a free one is taken.", owner, s.address)
		default:
			p.taken[*s.address] = s.machine
		}
	}
	return ok
}

func (c *cellLoader) tooSmall(n testbed.Network, need int) {
	bits := 32
	for bits > 0 && (1<<(32-bits))-2 < need {
		bits--
	}
	b := c.subnets[n.Name]
	c.source.out.errorf(b.attributes["subnet"].Expr.Range(), "Subnet too small",
		"%s has %d usable addresses, and network.%s needs %d: one for each interface and one for the container behind it. A /%d would do.",
		n.Subnet, max(0, hostsIn(n.Subnet)), n.Name, need, bits)
}

func (c *cellLoader) nicOf(s nicSource) *testbed.NIC {
	for i := range c.cell.Machines {
		if c.cell.Machines[i].Name == s.machine {
			return &c.cell.Machines[i].NICs[s.index]
		}
	}
	panic("interface of a machine that is not in the cell: " + s.machine)
}

// pool gives out the addresses of a subnet.
type pool struct {
	subnet netip.Prefix
	taken  map[netip.Addr]string // The machine that has it.
}

func (p *pool) hosts() int { return hostsIn(p.subnet) }

// hostsIn counts addresses without the subnet's own and broadcast.
func hostsIn(p netip.Prefix) int { return 1<<(32-p.Bits()) - 2 }

// at is the i-th address of the subnet, from 0, its own.
func (p *pool) at(i int) netip.Addr {
	base := p.subnet.Addr().As4()
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(base[:])+uint32(i))
	return netip.AddrFrom4(b)
}

func (p *pool) explicitOr(s nicSource, from int) netip.Addr {
	if s.address != nil {
		return *s.address
	}
	return p.next(from)
}

// next takes the first free address from the i-th on, or else before it. The
// caller has made sure that there is one.
func (p *pool) next(i int) netip.Addr {
	for n := range p.hosts() {
		a := p.at(1 + (i-1+n)%p.hosts())
		if p.taken[a] == "" {
			p.taken[a] = "taken"
			return a
		}
	}
	panic("no free address in " + p.subnet.String())
}
