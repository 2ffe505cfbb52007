package hcl

// The blocks that say what is measured.

var modeBlock = &block{
	name: "mode", label: "name", iterates: "for_each",
	doc: "How a container's `eth0` reaches the NIC. `mode.host` (no container) and `mode.loopback` exist undeclared. An instance of `for_each` is called `NAME-KEY` in results.",
	attributes: []attribute{
		{name: "kind", kind: text, oneOf: modeKinds,
			doc: "Required, unless there is `container`."},
		{name: "at", kind: text, fallback: `"client"`, oneOf: []string{"client", "server", "both"}, doc: "Which end of a test is in the container."},
		{name: "uplink", kind: text, oneOf: []string{"bridge", "l2", "routed"}, only: []string{"veth"},
			doc: "veth needs one: `bridge` (a bridge of its own, as docker0), `l2` (the NIC is in the bridge), `routed` (proxy ARP and a /32 route)."},
		{name: "masquerade", kind: boolean, fallback: "false", only: []string{"veth"}, doc: "Source NAT; belongs to `uplink = \"bridge\"`, which needs it."},
		{name: "mode", kind: text, only: []string{"macvlan", "ipvlan", "netkit"},
			doc: "macvlan: `bridge` (default), `private`, `vepa`, `passthru`. ipvlan: `l2` (default), `l3`, `l3s`. netkit: `l3` (default), `l2`."},
		{name: "flag", kind: text, oneOf: []string{"bridge", "private", "vepa"}, only: []string{"ipvlan"},
			doc: "Whether containers on one NIC reach each other. Default: `\"bridge\"`."},
		{name: "rules", kind: integer, fallback: "0", max: 100000, only: []string{"veth"}, doc: "More nft rules, as a busy node has: every forwarded packet passes them, and none matches. Belongs to `uplink = \"bridge\"`."},
		{name: "redirect", kind: text, oneOf: []string{"peer"}, only: []string{"veth", "netkit"}, doc: "A BPF program that redirects past the host's stack; veth needs `uplink = \"routed\"`."},
		{name: "scrub", kind: text, oneOf: []string{"default", "none"}, only: []string{"netkit"}, doc: "Whether netkit clears a packet's mark and priority. Default: `\"default\"`, which does."},
		{name: "shim", kind: boolean, fallback: "false", only: []string{"macvlan", "ipvlan"}, doc: "An interface of the same kind on the host, so that host and container reach each other; belongs to macvlan `bridge` and to ipvlan with flag `bridge`."},
		{name: "container", kind: text, doc: "A container that runs on the machine already, measured as it is: `\"docker://NAME\"`, `\"podman://NAME\"` (found through the engine's API socket) or `\"pid://N\"`. In place of `kind`. At the server it needs an address on the segment, or a port that its engine publishes under its own number."},
		{name: "service", kind: boolean, fallback: "false", doc: "The client talks to a virtual address that its machine translates into the server's, as a Kubernetes node does."},
		{name: "proxy", kind: text, oneOf: []string{"nft", "ipvs"}, doc: "What translates; belongs to `service`. Default: `\"nft\"`, a DNAT."},
		{name: "delay", kind: duration, only: []string{"host"}, doc: "Injected by netem before each request leaves the client, 1s at most: to calibrate with. Default: none."},
		{name: "mtu", kind: integer, min: 576, max: 65535, doc: "Of the container's interface, and of its pair. Default: the NIC's, less what a tunnel takes. This and the rest are set on the NIC where the kind is `host`, at both ends; there it is 1280 at least, or the NIC would lose its IPv6 addresses."},
		{name: "gro", kind: boolean, doc: "Generic receive offload. Default: the kernel's, as for the next three."},
		{name: "tso", kind: boolean, doc: "Segmentation offload."},
		{name: "rx_checksum", kind: boolean, doc: "Checksum offload of received packets."},
		{name: "threaded_napi", kind: boolean, doc: "The NIC is polled in a kernel thread, at both ends, whatever the kind."},
		{name: "qdisc", kind: text, doc: "Queueing discipline of the container's interface, such as `\"fq\"`, without parameters. Default: the kernel's."},
		forEach(),
	},
}

var testBlock = &block{
	name: "test", label: "name", iterates: "for_each",
	doc: "One request/response workload between two machines, over a set of modes. An instance of `for_each` is called `NAME-KEY` in results.",
	attributes: []attribute{
		{name: "protocol", kind: text, required: true, oneOf: []string{"tcp_rr", "udp_rr", "tcp_crr"},
			doc: "A transaction over one connection, over UDP, or with a connection of its own."},
		{name: "client", kind: reference, required: true, to: machineBlocks, doc: "The machine that asks."},
		{name: "server", kind: reference, required: true, to: machineBlocks, doc: "The machine that answers."},
		{name: "network", kind: reference, to: []string{"network"}, doc: "The segment between them. Default: the one that both are on."},
		{name: "modes", kind: references, fallback: "[]", to: []string{"mode"}, doc: "Modes to compare. `mode.host` is always measured, and first."},
		{name: "engine", kind: text, fallback: `"testbed"`, oneOf: []string{"testbed", "netperf", "sockperf"}, doc: "What measures: testbed alone, or a real tool beside it, in the same modes and rounds. A block of a tool takes whole seconds."},
		{name: "rounds", kind: integer, fallback: "10", min: 1, max: 100000, doc: "How often each mode is measured; `host` twice a round."},
		{name: "block", kind: duration, fallback: `"250ms"`, doc: "Length of one measurement; 1ms at least."},
		{name: "transactions", kind: integer, fallback: "2000", min: 1, max: 1000000000, doc: "Its length where the clock counts instructions. The report says whether half of them would give the same median."},
		{name: "warmup", kind: duration, fallback: `"20ms"`, doc: "Before each block; kept apart. Where the clock counts instructions, a nanosecond is one."},
		{name: "request", kind: integer, fallback: "1", min: 1, max: 1 << 20, doc: "Bytes; 65507 at most over UDP."},
		{name: "response", kind: integer, fallback: "1", min: 1, max: 1 << 20, doc: "Bytes; 65507 at most over UDP."},
		{name: "nodelay", kind: boolean, fallback: "true", doc: "TCP_NODELAY at both ends."},
		{name: "connections", kind: integer, fallback: "1", min: 1, max: 10000, doc: "In parallel, served by one thread at each end."},
		{name: "rate", kind: decimal, doc: "Transactions per second, over all connections, in an open loop: each is timed from its intended send. Default: a closed loop."},
		{name: "schedule", kind: text, oneOf: []string{"poisson", "periodic"}, doc: "When an open loop sends; belongs to `rate`. Default: `\"poisson\"`."},
		{name: "busy_poll", kind: duration, fallback: `"0s"`, doc: "SO_BUSY_POLL at both ends, in whole microseconds."},
		{name: "cpu", kind: integer, max: 1023, doc: "The CPU that measures at each end, counted from 0 among those that the machine has; a VM has as many as its `cpus`. Default: 0."},
		{name: "priority", kind: integer, fallback: "0", max: 99, doc: "SCHED_FIFO priority of the measuring threads; 0 is the ordinary scheduler."},
		{name: "boots", kind: integer, fallback: "1", min: 1, max: 1000, doc: "Of this test, over the lab's."},
		{name: "seeds", kind: integer, fallback: "1", min: 1, max: 1000, doc: "Of this test, over the lab's."},
		{name: "precision", kind: percent, doc: "After `rounds`, go on until the widest interval of a p50 ratio to host is as narrow as this, such as `\"1%\"`. Default: `rounds` and no more."},
		{name: "max_rounds", kind: integer, min: 1, max: 100000, doc: "But not for more rounds than this, of all boots together; belongs to `precision`. Default: ten times `rounds` and `boots`."},
		{name: "samples", kind: text, fallback: `"histogram"`, oneOf: []string{"histogram", "all"}, doc: "What is kept of each block: `all` adds a file with every transaction. Until the block ends they lie in the client's temporary files, 8 bytes each: in a VM that is its memory, of which they may take half of what is free. A block with more than fits does not count."},
		{name: "evidence", kind: boolean, fallback: "true", doc: "After the timing, look into the kernel: which softirqs, devices and functions a transaction takes in each mode."},
		{name: "capabilities", kind: boolean, fallback: "true", doc: "After that, find out what works in each mode and what does not: services, filters, siblings, broadcasts. The first of several tests between the same machines does so."},
		{name: "kmemleak", kind: boolean, fallback: "false", doc: "Last of all, set each mode up once more, use it, take it down, and ask the kernel's kmemleak (`CONFIG_DEBUG_KMEMLEAK`, which Debian's kernels lack) what memory it has lost. Some 10 s a mode."},
		forEach(),
	},
}

var machineBlocks = []string{"vm", "machine"}

var matrixBlock = &block{
	name: "matrix", once: true, free: true,
	doc: "Each argument is a coordinate: a list of any values. Each combination is a cell, a whole experiment of its own. Blocks read the cell's values as `matrix.NAME`. The lists may use `var`, `local`, `image` and `network`.",
}

var expectBlock = &block{
	name: "expect", label: "claim",
	doc: "A claim that the result confirms, refutes or leaves open.",
	attributes: []attribute{
		{name: "that", kind: expression, required: true, doc: "True or false, over metrics such as `p50(test.NAME, mode.NAME)`."},
		{name: "published", kind: text, doc: "Where somebody published the claim, and what they measured. The report then lists it under published results: this machine reproduces it, contradicts it, or cannot decide it."},
	},
}

var variableBlock = &block{
	name: "variable", label: "name",
	doc: "A value from the command line (`--var NAME=VALUE`), read as `var.NAME`.",
	attributes: []attribute{
		{name: "type", kind: expression, doc: "Such as `string`, `number`, `bool`, `list(string)`. Default: the type of the default, else `string`."},
		{name: "default", kind: expression, doc: "Without one, the variable has to be given."},
		{name: "description", kind: text, doc: "One line for the reader."},
	},
}

var localsBlock = &block{
	name: "locals", free: true,
	doc: "Named values, read as `local.NAME`. They may use each other, and anything else.",
}
