// Package proto is the conversation between the conductor and an agent: one
// JSON value a line, versioned, ended by an explicit "done". A stream that ends
// without one is truncated, and that is an error.
//
// The conductor writes one [Segment] to the agent's standard input, and after
// it nothing but the peer's messages. The agent writes [Message] values to its
// standard output. The agents of a test agree on the start of each block
// through "peer" messages, which the conductor hands from one to the other
// unread; none is sent while a block runs.
package proto

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
)

// Version of the protocol. Agent and conductor refuse another one.
const Version = 1

// Role is the part that an agent plays in a segment.
type Role string

// The roles.
const (
	Client Role = "client"
	Server Role = "server"
)

// Segment is a complete, ordered list of blocks. The agent needs nothing else.
type Segment struct {
	Version int   `json:"version"`
	Role    Role  `json:"role"`
	Self    Host  `json:"self"`
	Peer    Host  `json:"peer"`
	Inner   Inner `json:"inner"`
	// OneKernel says that both machines share one, so that what is counted for
	// the whole kernel is of both ends together.
	OneKernel bool `json:"one_kernel,omitempty"`
	// Wide has a pass of calls trace what a transaction calls beside the network's
	// functions too, where instructions are counted by function.
	Wide bool `json:"wide,omitempty"`
	// Service is the virtual address of modes that have one.
	Service netip.Addr `json:"service,omitzero"`
	Modes   []Mode     `json:"modes"`
	Tests   []Test     `json:"tests"`
	Blocks  []Block    `json:"blocks"`
}

// Host is a machine on the measured segment.
type Host struct {
	Name      string       `json:"name"`
	Device    string       `json:"device"` // The measured NIC.
	Address   netip.Prefix `json:"address"`
	Container netip.Prefix `json:"container"` // For a container on the segment.
	// Overlay is the machine's end of a tunnel to the other, or its container's.
	Overlay netip.Prefix `json:"overlay,omitzero"`
	// Attach says that the machine exists and was not made for the lab: the
	// agent sets the device up and gives it the address where either is
	// missing, and undoes that at its end.
	Attach bool `json:"attach,omitempty"`
	// Share allows a device that carries the SSH session or the default route.
	Share bool `json:"share,omitempty"`
}

// Inner is the subnet behind a masquerading bridge; the same on every machine,
// for it never appears on the segment.
type Inner struct {
	Gateway   netip.Prefix `json:"gateway"`
	Container netip.Prefix `json:"container"`
}

// Mode is a way to connect a container. At says which end is in one.
type Mode struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"` // host, loopback, veth, macvlan, ipvlan, netkit, vxlan, geneve, wireguard, container.
	At         string `json:"at"`   // client, server, both.
	Uplink     string `json:"uplink,omitempty"`
	Masquerade bool   `json:"masquerade,omitempty"`
	Mode       string `json:"mode,omitempty"`
	Flag       string `json:"flag,omitempty"`
	Rules      int    `json:"rules,omitempty"`    // More nft rules that each forwarded packet passes.
	Redirect   string `json:"redirect,omitempty"` // peer: by BPF, past the host's stack.
	Scrub      string `json:"scrub,omitempty"`    // netkit: default, none.
	Shim       bool   `json:"shim,omitempty"`
	Container  string `json:"container,omitempty"` // docker://NAME, podman://NAME, pid://N; of kind container.
	Service    string `json:"service,omitempty"`   // nft or ipvs: what a virtual address is translated by.
	// Delay is injected by netem on the client's NIC. Kind host only.
	Delay  time.Duration `json:"delay,omitempty"`
	Tuning Tuning        `json:"tuning,omitzero"`
}

// Tuning is set on the devices that are the mode's own; of kind host on the NIC.
// nil and zero leave the kernel's default.
type Tuning struct {
	MTU          int    `json:"mtu,omitempty"`
	GRO          *bool  `json:"gro,omitempty"`
	TSO          *bool  `json:"tso,omitempty"`
	RxChecksum   *bool  `json:"rx_checksum,omitempty"`
	ThreadedNAPI *bool  `json:"threaded_napi,omitempty"` // Of the NIC too, in every kind.
	Qdisc        string `json:"qdisc,omitempty"`
}

// Test is a workload.
type Test struct {
	Name     string        `json:"name"`
	Protocol string        `json:"protocol"` // tcp_rr, udp_rr, tcp_crr.
	Request  int           `json:"request"`
	Response int           `json:"response"`
	Duration time.Duration `json:"duration"` // Of a block; 0 where Transactions ends it.
	// Transactions ends a block after that many; 0 where Duration ends it.
	Transactions int           `json:"transactions,omitempty"`
	Warmup       time.Duration `json:"warmup"`
	NoDelay      bool          `json:"nodelay"`
	Connections  int           `json:"connections,omitempty"` // In parallel; 0 is 1.
	// Rate, in transactions a second, makes it an open loop; 0 is a closed one.
	Rate     float64 `json:"rate,omitempty"`
	Schedule string  `json:"schedule,omitempty"` // poisson or periodic; of an open loop.
	Seed     uint64  `json:"seed,omitempty"`     // Of the poisson schedule.
	// BusyPoll is SO_BUSY_POLL; 0 leaves the kernel's default.
	BusyPoll time.Duration `json:"busy_poll,omitempty"`
	// CPU to pin to, an index into those that the agent may use.
	CPU      int  `json:"cpu,omitempty"`
	Priority int  `json:"priority,omitempty"` // SCHED_FIFO; 0 is the ordinary scheduler.
	Samples  bool `json:"samples,omitempty"`  // Keep every transaction.
}

// Block is one stretch of one test in one mode.
type Block struct {
	Index int    `json:"index"` // Position in the segment, from 0.
	Round int    `json:"round"`
	Test  string `json:"test"`
	Mode  string `json:"mode"`
	// Engine is netperf or sockperf; empty is the agent's own loop.
	Engine string `json:"engine,omitempty"`
	// Pass says that the block is no measurement: it looks for evidence, by
	// events or by calls, or for what works.
	Pass Pass `json:"pass,omitempty"`
}

// Pass is what a block does that measures nothing.
type Pass string

// The passes.
const (
	PassEvents     Pass = "events"
	PassGraph      Pass = "graph"
	PassCapability Pass = "capability"
	PassLeaks      Pass = "leaks"
)

// Message is what an agent says. Exactly one of the fields that Type names is set.
type Message struct {
	Type  string       `json:"type"`            // hello, started, samples, block, peer, done, error.
	Hello *Hello       `json:"hello,omitempty"` // First of all.
	Start *Start       `json:"start,omitempty"` // A block begins.
	Block *BlockResult `json:"block,omitempty"` // A block ended.
	// Samples of a block come in pieces, in order, before its result.
	Samples *Samples        `json:"samples,omitempty"`
	Peer    json.RawMessage `json:"peer,omitempty"` // For the other agent.
	// State is what the machine's kernel had counted so far, with hello and with done.
	State map[string]any `json:"state,omitempty"`
	Error string         `json:"error,omitempty"` // Last of all, in place of done.
	Hang  *Hang          `json:"hang,omitempty"`  // Beside an error: the kernel does not return.
}

// Hang is a kernel that does not return from what it was asked to do.
type Hang struct {
	Machine string  `json:"machine"`
	Doing   string  `json:"doing"` // Such as set-up of mode "ipvlan".
	Step    string  `json:"step"`
	Seconds float64 `json:"seconds"` // That it was waited for.
	// Tasks wait in the kernel; those that others wait for stand first.
	Tasks []BlockedTask `json:"tasks,omitempty"`
}

// Symptom says, without place and machine, how the hang shows.
func (h Hang) Symptom() string {
	from := ""
	if h.Step != "" { // There is none before the first.
		from = fmt.Sprintf(" from %q", h.Step)
	}
	return fmt.Sprintf("hangs: the kernel has not returned%s after %.3g s", from, h.Seconds)
}

// BlockedTask is a task in the kernel that cannot be disturbed.
type BlockedTask struct {
	Name   string   `json:"name"`
	Frames []string `json:"frames"` // Functions, the innermost first; a module's with its name in brackets.
}

// The types of a Message.
const (
	TypeHello   = "hello"
	TypeStarted = "started"
	TypeSamples = "samples"
	TypeBlock   = "block"
	TypePeer    = "peer"
	TypeDone    = "done"
	TypeError   = "error"
)

// Hello says who speaks and what it stands on.
type Hello struct {
	Version int            `json:"version"`
	Facts   map[string]any `json:"facts"` // Of the machine, from hostinfo.
}

// Start announces a block.
type Start struct {
	Index int `json:"index"`
}

// BlockResult is what one end saw of a block. The server's has counters and
// set-up only.
type BlockResult struct {
	// Functions are the instructions that the block took, by function, where a
	// backend counted them. It adds them; an agent cannot know.
	Functions map[string]int64 `json:"functions,omitempty"`
	// Uncounted is why the backend that was to count them did not.
	Uncounted string `json:"uncounted,omitempty"`

	Index  int    `json:"index"`
	Status string `json:"status"` // ok, unsupported, failed.
	Reason string `json:"reason,omitempty"`
	Void   string `json:"void,omitempty"`

	Started      time.Time `json:"started"`
	Nanoseconds  int64     `json:"ns,omitempty"` // First send to last receive.
	Transactions int64     `json:"transactions,omitempty"`
	Mean         float64   `json:"mean,omitempty"` // ns.
	Min          int64     `json:"min,omitempty"`
	Max          int64     `json:"max,omitempty"`
	Histogram    []byte    `json:"histogram,omitempty"` // HdrHistogram V2, compressed, as bytes; ns.
	Warmup       []byte    `json:"warmup,omitempty"`    // The same of the warm-up.
	OutOfRange   int64     `json:"out_of_range,omitempty"`
	Lost         int64     `json:"lost,omitempty"`
	Late         int64     `json:"late,omitempty"`
	Duplicates   int64     `json:"duplicates,omitempty"`
	Missed       int64     `json:"missed,omitempty"` // Sends of an open loop that were late.
	MaxLag       int64     `json:"max_lag_ns,omitempty"`
	Halves       []Half    `json:"halves,omitempty"`  // Two, by time.
	Figures      *Figures  `json:"figures,omitempty"` // Of another engine.
	// KernelLog is what the kernel said since the block began, the end of it.
	KernelLog []string `json:"kernel_log,omitempty"`
	// SampleCount and SamplesSHA256 say what was sent in Samples before.
	SampleCount   int64  `json:"sample_count,omitempty"`
	SamplesSHA256 string `json:"samples_sha256,omitempty"`
	// Counters are differences: the client's over the measurement, the server's
	// over the whole connection, whose number of transactions is among them.
	Counters map[string]int64 `json:"counters,omitempty"`
	// Socket is what the kernel says of this end's sockets and thread: options, congestion
	// control, the CPUs that it may use, its scheduler.
	Socket   map[string]string `json:"socket,omitempty"`
	Setup    []string          `json:"setup,omitempty"` // What was built on this machine, a line a thing.
	Evidence *Evidence         `json:"evidence,omitempty"`
	// Networks is what was in each of the machine's network namespaces by the end of a
	// pass of events: "machine", "container", and the kernel's "bpf" programs.
	Networks map[string]any `json:"networks,omitempty"`
	// Capabilities are what a pass of that kind found, in a fixed order; the client's.
	Capabilities []Capability `json:"capabilities,omitempty"`
	// Leaks are what a pass of that kind found on this machine.
	Leaks []Leak `json:"leaks,omitempty"`
}

// Leak is memory of the kernel's that nobody refers to.
type Leak struct {
	Objects int      `json:"objects"`
	Size    int64    `json:"size"`   // Bytes, of each.
	Task    string   `json:"task"`   // That had the first of them.
	Frames  []string `json:"frames"` // Functions that allocated it, the innermost first.
}

// Capability is something that works in a mode, or does not.
type Capability struct {
	Name        string `json:"name"`
	Answer      string `json:"answer"` // works, fails, unsupported.
	Observation string `json:"observation"`
	Control     string `json:"control"`
}

// Evidence is what one end saw in a pass.
type Evidence struct {
	// Unavailable says why there is none of it.
	Unavailable string `json:"unavailable,omitempty"`
	// Shared says that it is in the client's: both machines are one kernel's.
	Shared       bool  `json:"shared,omitempty"`
	Transactions int64 `json:"transactions"`
	// Events of all transactions, by tracepoint and device or softirq.
	Events map[string]int64 `json:"events,omitempty"`
	// Packets of all transactions by device; of the container's behind a "/".
	Packets map[string]Packets `json:"packets,omitempty"`
	// Cycles are the transactions that were traced whole. Calls are how often
	// each function was called in one, the median, and Path is one of them.
	Cycles int                `json:"cycles,omitempty"`
	Calls  map[string]float64 `json:"calls,omitempty"`
	Path   []Call             `json:"path,omitempty"`
	// Callers are the calls of all functions in these transactions, where not the network's
	// alone were traced: a tree, from its root down.
	Callers []Frame `json:"callers,omitempty"`
}

// Frame is a function below those that called it.
type Frame struct {
	Depth int    `json:"depth"`
	Name  string `json:"name"`
	Calls int    `json:"calls"`
}

// Packets are those that a device received and sent.
type Packets struct {
	Received int64 `json:"received"`
	Sent     int64 `json:"sent"`
}

// Call is a function that was called at a depth, or an event on a device.
type Call struct {
	Depth  int    `json:"depth"`
	Name   string `json:"name"`
	Device string `json:"device,omitempty"`
}

// Samples is a piece of a block's samples file.
type Samples struct {
	Index int    `json:"index"`
	Data  []byte `json:"data"`
}

// Half is one half of a block; times in ns.
type Half struct {
	Transactions int64   `json:"transactions"`
	P50          float64 `json:"p50"`
	Mean         float64 `json:"mean"`
}

// Figures are what another engine reports; percentiles in ns by name (p50, p90,
// p99, p999).
type Figures struct {
	Version     string             `json:"version"`
	Command     string             `json:"command"`
	Percentiles map[string]float64 `json:"percentiles"`
}

// Statuses of a block.
const (
	StatusOK          = "ok"
	StatusUnsupported = "unsupported"
	StatusFailed      = "failed"
)
