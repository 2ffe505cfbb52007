package testbed

import (
	"net/netip"
	"time"
)

// Lab is one lab file, decoded, checked and fully resolved: every default is
// filled in and every reference is a name that exists.
type Lab struct {
	Name        string
	Description string
	Seed        int64
	Backend     string // "libvirt" unless the file says otherwise; "ssh" where its machines exist.
	Connect     string // libvirt URI. Empty: the one this user can use.
	Source      string // Absolute path of the lab file.
	Digest      string // SHA-256 of the lab file's bytes, hex.
	// Variables are the values that the command line gave, by name.
	Variables map[string]string
	// Against is the image of the side that the lab is judged by, where it has two.
	Against string

	// Images are all images that any cell uses, by the file's order.
	Images []Image
	// Cells are the combinations of the matrix in declared order. A lab
	// without a matrix has one cell with no coordinates.
	Cells []Cell
	// Expectations are claims that the result confirms, refutes or leaves open.
	Expectations []Expectation
	// Mirror overrides the machine's Debian mirror. Optional.
	Mirror string
	// Void says which blocks do not count, declared before any is measured.
	Void VoidRules
}

// VoidRules are limits of interference; a block beyond one of them is voided.
// Each limit holds on either end. A negative limit is no limit.
type VoidRules struct {
	// Steal is the largest share of a block's CPU time that a hypervisor may
	// have taken away.
	Steal float64 `json:"steal"`
	// Involuntary is the largest number of involuntary context switches of
	// the measuring threads for each transaction.
	Involuntary float64 `json:"involuntary"`
	// Retransmits is the largest number of TCP segments sent again.
	Retransmits int64 `json:"retransmits"`
	// ClockStep is the largest step of the wall clock against the monotonic one.
	ClockStep time.Duration `json:"clock_step_ns"`
}

// Cell is one combination of the matrix: a complete experiment of its own.
type Cell struct {
	// Coordinates are the matrix names and the printed form of their values,
	// in declared order.
	Coordinates []Coordinate
	Networks    []Network
	Machines    []Machine
	Modes       []Mode
	Tests       []Test
}

// At is the cell's coordinates by name, as results carry them; empty without a matrix.
func (c Cell) At() map[string]string {
	at := make(map[string]string, len(c.Coordinates))
	for _, one := range c.Coordinates {
		at[one.Name] = one.Value
	}
	return at
}

// Coordinate is one name and value of a matrix cell.
type Coordinate struct {
	Name  string
	Value string
}

// Image is what a VM boots: a kernel, its modules, a root filesystem.
// One of Release (and optionally KernelVersion), Kernel (and Modules), Tree and Deb is set.
type Image struct {
	Name          string
	Release       string   // Debian suite of the kernel, such as "trixie-backports".
	KernelVersion string   // Exact package version or kernel release. Optional.
	Kernel        string   // Absolute path of a bzImage. Optional.
	Modules       string   // Absolute path of its lib/modules/VERSION folder. Optional.
	Userland      string   // Debian suite of the tools; "trixie" unless said.
	Cmdline       string   // Added to the kernel's command line. Optional.
	Mirror        string   // Debian mirror, over the lab's and the machine's. Optional.
	AllowExpired  bool     // Accept an archive index past its Valid-Until.
	Packages      []string // Debian packages added to the tools, on a disk.
	Tree          string   // Absolute path of a kernel tree that was built. Optional.
	Deb           string   // Absolute path of a kernel's package. Optional.
}

// OwnKernel says that the kernel is the user's and no release's.
func (i Image) OwnKernel() bool { return i.Kernel != "" || i.Tree != "" || i.Deb != "" }

// Network is one L2 segment that machines share.
type Network struct {
	Name   string
	Subnet netip.Prefix
	MTU    int // 1500 unless said.

	Connect string // libvirt URI of its hypervisor. Empty: the lab's.
	Bridge  string // A bridge that exists on each hypervisor. Empty: one is made.
}

// Machine is a computer of the lab: a VM, or (SSH set) one that exists.
type Machine struct {
	Name   string // "client", or "client-0" where the block has a count.
	Image  string // Name of the image. Empty where SSH is set.
	CPUs   int
	Memory uint64 // Bytes.
	Sysctl map[string]string
	Setup  string // Shell commands to run once it has booted. Optional.
	NICs   []NIC

	Connect string // libvirt URI of its hypervisor. Empty: the lab's.

	SSH   string // "user@host:22" of a machine that exists.
	Share bool   // Allow the NIC that carries the SSH session or the default route.
}

// NIC is a machine's interface on a network.
type NIC struct {
	Network string
	Device  string       // Name in the machine, such as "eth1".
	MAC     string       // Fixed, from the lab's name (but in a guest that counts), the machine and the index.
	Address netip.Prefix // The machine's own address.
	// Container is the address that a container on this machine uses where
	// the mode puts it on the segment itself (all but bridge + masquerade).
	Container netip.Prefix
}

// End says which end of a test is in the container.
type End string

// The ends of a test.
const (
	AtClient End = "client"
	AtServer End = "server"
	AtBoth   End = "both"
)

// Mode is how a container's eth0 reaches the machine's NIC. Fields that do not
// belong to Kind have their zero value.
type Mode struct {
	Name string
	Kind string // host, loopback, veth, macvlan, ipvlan, netkit, vxlan, geneve, wireguard; container, where Container is set.
	At   End

	Uplink     string // veth: "bridge", "l2" or "routed".
	Masquerade bool   // veth with uplink "bridge": what docker0 does.
	Mode       string // macvlan: bridge, private, vepa, passthru. ipvlan: l2, l3, l3s. netkit: l2, l3.
	Flag       string // ipvlan: bridge, private, vepa.
	Rules      int    // veth: extra nft rules.
	Redirect   string // veth, netkit: "peer".
	Scrub      string // netkit: "none", "default".
	Shim       bool   // ipvlan, macvlan: host-side interface.
	Container  string // docker://NAME, podman://NAME, pid://N.
	Service    bool   // Through a virtual service address.
	Proxy      string // Of a service: nft (also where empty) or ipvs.

	// Delay is injected by netem on the NIC, on the client's side: to calibrate.
	// Kind "host" only.
	Delay time.Duration

	MTU          int // 0: as the NIC.
	GRO          *bool
	TSO          *bool
	RxChecksum   *bool
	ThreadedNAPI *bool
	Qdisc        string
}

// Tuned reports whether the mode sets anything of its devices.
func (m Mode) Tuned() bool {
	return m.MTU != 0 || m.GRO != nil || m.TSO != nil || m.RxChecksum != nil || m.ThreadedNAPI != nil || m.Qdisc != ""
}

// Test is one RR workload between a client and a server over a set of modes.
type Test struct {
	Name     string
	Protocol string // tcp_rr, udp_rr, tcp_crr.
	Engine   string // "testbed"; netperf and sockperf measure beside it.
	Client   string // Machine names.
	Server   string
	Network  string   // The segment the two share.
	Modes    []string // Mode names; "host" is always first.

	Rounds       int
	Block        time.Duration // Length of a block on clocks that are time.
	Transactions int           // Length of a block where the clock counts instructions.
	Warmup       time.Duration // Before each block; stored apart.
	Request      int           // Bytes.
	Response     int           // Bytes.

	Connections int           // In parallel.
	NoDelay     bool          // TCP_NODELAY on both ends; true unless said.
	BusyPoll    time.Duration // SO_BUSY_POLL.
	CPU         *int          // CPU to pin to; nil: the first that the machine has.
	Priority    int           // SCHED_FIFO priority; 0: the ordinary scheduler.
	Load        *Load         // Open loop; nil: closed loop.
	Boots       int           // With a Precision, the least; Rounds in each.
	Seeds       int           // On the backend icount, where Boots is the same.
	Precision   float64       // Relative CI width to stop at; 0: Rounds, and no more.
	MaxRounds   int           // Of all boots, where there is a Precision.
	Samples     string        // "histogram" or "all".
	// Evidence and Capabilities are looked for after the timing.
	Evidence     bool
	Capabilities bool
	Kmemleak     bool // Last of all, look for memory that the kernel has lost.
}

// Load is an open loop's schedule.
type Load struct {
	Rate     float64 `json:"rate"`     // Transactions per second.
	Schedule string  `json:"schedule"` // "poisson" or "periodic".
}

// Expectation is a claim about the result. The source text is kept as written;
// package hcl compiles it.
type Expectation struct {
	Name   string
	Source string // The expression as written.
	// Published is where somebody published the claim, and what they measured.
	// Optional.
	Published string
	Range     Range
}

// Range is a place in a lab file; lines and columns start at 1.
type Range struct {
	File        string
	StartLine   int
	StartColumn int
	EndLine     int
	EndColumn   int
	StartByte   int
	EndByte     int
}
