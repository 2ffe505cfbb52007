package hcl

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/testbed"
)

// maxDatagram is the largest payload of a UDP datagram over IPv4.
const maxDatagram = 65507

func (c *cellLoader) test(f fields, name string) testbed.Test {
	t := testbed.Test{
		Name:         name,
		Protocol:     get[string](f, "protocol"),
		Engine:       get[string](f, "engine"),
		Client:       get[ref](f, "client").name,
		Server:       get[ref](f, "server").name,
		Rounds:       get[int](f, "rounds"),
		Block:        get[time.Duration](f, "block"),
		Transactions: get[int](f, "transactions"),
		Warmup:       get[time.Duration](f, "warmup"),
		Request:      get[int](f, "request"),
		Response:     get[int](f, "response"),
		Connections:  get[int](f, "connections"),
		NoDelay:      get[bool](f, "nodelay"),
		BusyPoll:     get[time.Duration](f, "busy_poll"),
		CPU:          optional[int](f, "cpu"),
		Priority:     get[int](f, "priority"),
		Load:         load(&f),
		Boots:        c.boots,
		Seeds:        c.seeds,
		Precision:    get[float64](f, "precision"),
		MaxRounds:    get[int](f, "max_rounds"),
		Samples:      get[string](f, "samples"),
		Evidence:     get[bool](f, "evidence"),
		Capabilities: get[bool](f, "capabilities"),
		Kmemleak:     get[bool](f, "kmemleak"),
	}
	if f.set("boots") {
		t.Boots = get[int](f, "boots")
		c.bootable(f)
	}
	if f.set("seeds") {
		t.Seeds = get[int](f, "seeds")
	}
	t.Modes = c.testModes(&f)
	checkSizes(&f, t)
	checkEngine(&f, t)
	c.checkCPU(&f, t)
	if t.Precision > 0 && t.MaxRounds == 0 {
		t.MaxRounds = furtherRounds * t.Rounds * t.Boots
	}
	c.checkShare(f, t)
	t.Network = c.testNetwork(&f, t)
	return c.counted(f, t)
}

func load(f *fields) *testbed.Load {
	if !f.set("rate") {
		if f.set("schedule") && f.ok("rate") {
			f.reject("schedule", "No rate", "\"schedule\" says when an open loop sends, and without \"rate\" the loop is closed: it sends when the answer is there.")
		}
		return nil
	}
	l := &testbed.Load{Rate: get[float64](*f, "rate"), Schedule: "poisson"}
	if f.set("schedule") {
		l.Schedule = get[string](*f, "schedule")
	}
	return l
}

// testModes are the names of the test's modes, host first.
func (c *cellLoader) testModes(f *fields) []string {
	modes := []string{"host"}
	seen := map[string]bool{}
	for _, r := range get[[]refAt](*f, "modes") {
		if seen[r.name] {
			c.source.out.errorf(r.at, "Duplicate mode", "%s is in the list twice. To measure it against itself, declare a second mode that is alike.", r.code)
			continue
		}
		seen[r.name] = true
		if r.name != "host" {
			modes = append(modes, r.name)
		}
	}
	return modes
}

func checkSizes(f *fields, t testbed.Test) {
	for _, name := range []string{"request", "response"} {
		if size := get[int](*f, name); t.Protocol == "udp_rr" && size > maxDatagram {
			f.reject(name, "Bad "+name, "%q is %d bytes, and a UDP datagram holds %d at most.", name, size, maxDatagram)
		}
	}
	if f.ok("block") && t.Block < time.Millisecond {
		f.reject("block", "Bad block", "A block of %s is too short to measure in; 1ms is the least.", t.Block)
	}
	checkBusyPoll(f, t.BusyPoll)
	if f.set("max_rounds") && !f.set("precision") && f.ok("precision") {
		f.reject("max_rounds", "No precision", "\"max_rounds\" bounds the rounds that \"precision\" asks for, and there is none. Write rounds = %d for a fixed number.", t.MaxRounds)
	}
	if least := t.Rounds * t.Boots; f.set("max_rounds") && f.ok("max_rounds", "rounds", "boots") && t.MaxRounds < least {
		f.reject("max_rounds", "Bad max_rounds", "\"max_rounds\" is %d, and less than the %d of \"rounds\"%s.", t.MaxRounds, least, times(t.Boots))
	}
}

// checkBusyPoll refuses what SO_BUSY_POLL, an int of microseconds, cannot be.
func checkBusyPoll(f *fields, d time.Duration) {
	whole := (d + time.Microsecond - 1).Truncate(time.Microsecond)
	switch most := math.MaxInt32 * time.Microsecond; {
	case d > most:
		f.reject("busy_poll", "Bad busy_poll", "\"busy_poll\" is %s, and SO_BUSY_POLL takes %s at most.", d, most)
	case d != whole:
		f.reject("busy_poll", "Bad busy_poll", "\"busy_poll\" is %s, and SO_BUSY_POLL takes whole microseconds. Write busy_poll = \"%dus\".", d, whole.Microseconds())
	}
}

// checkCPU refuses a CPU that a machine will not have, also on the backend "local",
// where "cpus" is what it has at most. What one that exists has is not known before.
func (c *cellLoader) checkCPU(f *fields, t testbed.Test) {
	for _, name := range []string{t.Client, t.Server} {
		m, _ := c.cell.Machine(name)
		if t.CPU != nil && m.CPUs > 0 && *t.CPU >= m.CPUs {
			f.reject("cpu", "No such CPU", "CPUs are counted from 0, and %s has cpus = %d. Write a smaller \"cpu\", or cpus = %d in its vm block.", name, m.CPUs, *t.CPU+1)
			return
		}
	}
}

func times(boots int) string {
	if boots == 1 {
		return ""
	}
	return fmt.Sprintf(" in %d boots", boots)
}

// furtherRounds is how many times "rounds" the default of max_rounds is: they
// make an interval about √10 times as narrow, and whoever asks for less than a
// third of what "rounds" give should say how long that may take.
const furtherRounds = 10

// testNetwork is the segment between client and server.
func (c *cellLoader) testNetwork(f *fields, t testbed.Test) string {
	if !f.ok("client", "server", "network") || c.damaged[t.Client] || c.damaged[t.Server] {
		return ""
	}
	if t.Client == t.Server {
		f.reject("server", "One machine", "Client and server are both %s. A test is between two machines; mode.loopback shows what one machine with itself would give.", get[ref](*f, "client").code)
		return ""
	}
	client, server := c.networksOf(t.Client), c.networksOf(t.Server)
	var shared []string
	for _, n := range client {
		if slices.Contains(server, n) {
			shared = append(shared, n)
		}
	}
	if f.set("network") {
		return c.namedNetwork(f, t, client, server)
	}
	switch len(shared) {
	case 0:
		f.reject("client", "No common network", "%s and %s have no network in common. Give both a nic block on the same one.", t.Client, t.Server)
		return ""
	case 1:
		return shared[0]
	}
	f.reject("network", "Which network", "%s and %s have %d networks in common. Say which one the test uses: network = %s", t.Client, t.Server, len(shared), strings.Join(prefixed("network.", shared), " or "))
	return ""
}

func (c *cellLoader) namedNetwork(f *fields, t testbed.Test, client, server []string) string {
	name := get[ref](*f, "network").name
	for machine, has := range map[string][]string{t.Client: client, t.Server: server} {
		if !slices.Contains(has, name) {
			f.reject("network", "Not on the network", "%s has no interface on network.%s. Give it a nic block there.", machine, name)
			return ""
		}
	}
	return name
}

func (c *cellLoader) networksOf(machine string) []string {
	var all []string
	if m, ok := c.cell.Machine(machine); ok {
		for _, n := range m.NICs {
			all = append(all, n.Network)
		}
	}
	return all
}
