package hcl

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"

	"github.com/testbed-lab/testbed/testbed"
)

// nicSource is an interface that waits for its addresses.
type nicSource struct {
	machine string
	network string
	index   int          // In the machine.
	address *netip.Addr  // As the file says. Optional.
	at      hcl.Range    // The place of what the file says.
	block   *blockSource // That declares the interface.
}

// sysctlName is a name below /proc/sys, with dots or slashes between its parts.
var sysctlName = regexp.MustCompile(`^[a-z0-9_]+([./][A-Za-z0-9_-]+)+$`)

func (c *cellLoader) vm(b *blockSource, i instance) testbed.Machine {
	f := c.scope.fields(b, i.names)
	image := get[ref](f, "image").name
	c.used[image] = true
	m := testbed.Machine{
		Name:    i.name,
		Image:   image,
		CPUs:    get[int](f, "cpus"),
		Memory:  get[uint64](f, "memory"),
		Sysctl:  get[map[string]string](f, "sysctl"),
		Setup:   get[string](f, "setup"),
		Connect: get[string](f, "connect"),
	}
	for name := range m.Sysctl {
		if !sysctlName.MatchString(name) {
			f.reject("sysctl", "Bad sysctl", "%q is no kernel setting. They are named as sysctl names them, such as \"net.core.busy_read\".", name)
		}
	}
	if c.lab.Backend == backendLocal {
		c.checkOneKernel(f, m)
	}
	if c.counts() {
		c.checkOneGuest(f, m)
	}
	for _, inner := range b.inner {
		c.nic(&m, inner, c.scope.fields(inner, i.names))
	}
	return m
}

// nic adds an interface. Its addresses follow, when all are known.
func (c *cellLoader) nic(m *testbed.Machine, b *blockSource, f fields) {
	index := len(m.NICs)
	if !f.ok("network") {
		c.damaged[m.Name] = true
		m.NICs = append(m.NICs, testbed.NIC{Device: device(index)})
		return
	}
	network := get[ref](f, "network").name
	if slices.ContainsFunc(m.NICs, func(n testbed.NIC) bool { return n.Network == network }) {
		f.reject("network", "Two interfaces", "The machine has an interface on network.%s already; two on one segment answer for each other.", network)
		return
	}
	m.NICs = append(m.NICs, testbed.NIC{Network: network, Device: device(index)})
	c.nics = append(c.nics, nicSource{
		machine: m.Name, network: network, index: index,
		address: optional[netip.Addr](f, "address"), at: f.at("address"), block: b,
	})
}

// device is the name of a measured interface; eth0 is a container's.
func device(index int) string { return "eth" + strconv.Itoa(index+1) }

var (
	// Nothing that ssh would take for an option.
	sshTarget  = regexp.MustCompile(`^([A-Za-z0-9._][A-Za-z0-9._-]*@)?([A-Za-z0-9._][A-Za-z0-9._-]*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?$`)
	deviceName = regexp.MustCompile(`^[^\s/:]{1,15}$`)
)

// computer is a machine that exists.
func (c *cellLoader) computer(b *blockSource, i instance) testbed.Machine {
	f := c.scope.fields(b, i.names)
	m := testbed.Machine{
		Name:  i.name,
		SSH:   get[string](f, "ssh"),
		Share: get[bool](f, "share"),
	}
	if f.ok("ssh") && !sshTarget.MatchString(m.SSH) {
		f.reject("ssh", "Bad ssh", "%q is not what ssh connects to. Write \"user@host\" or \"user@host:22\".", m.SSH)
	}
	c.sameComputer(f, m)
	if f.ok("nic") && !deviceName.MatchString(get[string](f, "nic")) {
		f.reject("nic", "Bad nic", "%q is no name of an interface. It is as ip link shows it, such as \"eth1\".", get[string](f, "nic"))
	}
	if !f.set("network") && f.ok("network") && len(c.cell.Networks) == 1 {
		f.values["network"] = ref{block: "network", name: c.cell.Networks[0].Name}
	}
	if f.ok("network") && f.values["network"] == nil {
		m.NICs = []testbed.NIC{{}}
	} else {
		c.nic(&m, b, f)
	}
	m.NICs[0].Device = get[string](f, "nic")
	return m
}
