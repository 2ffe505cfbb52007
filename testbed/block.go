package testbed

import "time"

// Block is one uninterrupted stretch of transactions, raw: the unit of
// analysis, and a line of blocks.jsonl.
type Block struct {
	Test   string            `json:"test"`
	Cell   map[string]string `json:"cell"`
	Mode   string            `json:"mode"`
	Engine string            `json:"engine,omitempty"` // netperf or sockperf; empty: testbed.
	Boot   int               `json:"boot"`             // From 0.
	Round  int               `json:"round"`            // From 0, counted through all boots.
	Index  int               `json:"index"`            // Position in the order in which blocks ran, from 0.
	// Status is ok, unsupported or failed; Reason says why. A voided block has
	// status ok and a Void reason.
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	Void   string `json:"void,omitempty"`

	Started      time.Time `json:"started"` // By the client's clock, UTC.
	Nanoseconds  int64     `json:"ns"`      // From the first send to the last receive.
	Transactions int64     `json:"transactions"`
	Mean         float64   `json:"mean"` // Exact, of all transactions, in the test's unit.
	Min          int64     `json:"min"`
	Max          int64     `json:"max"`
	// Histogram is the HdrHistogram (V2 compressed, base64) of all
	// transactions, in the test's unit; Warmup the same of the warm-up.
	Histogram  string `json:"histogram,omitempty"`
	Warmup     string `json:"warmup,omitempty"`
	OutOfRange int64  `json:"out_of_range,omitempty"` // Counted in Mean, Min, Max; not in Histogram.
	Lost       int64  `json:"lost,omitempty"`         // UDP requests without an answer in time.
	Late       int64  `json:"late,omitempty"`         // Answers to requests given up before.
	Duplicates int64  `json:"duplicates,omitempty"`   // UDP answers that had come before.
	// Missed is how many sends of an open loop were later than intended by
	// more than a tenth of the mean interval; MaxLag the longest delay in ns.
	Missed int64 `json:"missed,omitempty"`
	// Functions are the instructions that the block took, by function of the kernel,
	// where they were counted.
	Functions map[string]int64 `json:"functions,omitempty"`
	// Uncounted is why they were not, where they were to be.
	Uncounted string `json:"uncounted,omitempty"`
	MaxLag    int64  `json:"max_lag_ns,omitempty"`
	// Halves are the two halves of the block by time, for drift.
	Halves []Half `json:"halves,omitempty"`
	// Figures are what an engine other than testbed reports, in place of a histogram.
	Figures *Figures `json:"figures,omitempty"`
	// Samples is the file that holds every transaction, where the test keeps them.
	Samples *Samples `json:"samples,omitempty"`
	// KernelLog is what each end's kernel said since the block began, of a
	// block that does not count; each line begins with the machine's role.
	KernelLog []string `json:"kernel_log,omitempty"`
	// Counters are differences over the block on both ends, such as
	// "client.tcp_retrans_segs" or "server.steal_ticks".
	Counters map[string]int64 `json:"counters,omitempty"`
	// Sockets is what each end's kernel said of its sockets and thread: options,
	// congestion control, the CPUs that it may use, its scheduler.
	Sockets map[string]map[string]string `json:"sockets,omitempty"`
	Setup   []string                     `json:"setup,omitempty"`

	// Pass is events, graph, capability or leaks, of a block that measures nothing, and
	// that has what it found in place of figures.
	Pass   string       `json:"pass,omitempty"`
	Client *EndEvidence `json:"client,omitempty"`
	Server *EndEvidence `json:"server,omitempty"`
	// Networks is what was in each network namespace by the end of a pass of events, as
	// "client.machine", "client.container", and each kernel's BPF programs ("client.bpf").
	Networks     map[string]any `json:"networks,omitempty"`
	Capabilities []Capability   `json:"capabilities,omitempty"`
	Leaks        []Leak         `json:"leaks,omitempty"`
}

// Half is one half of a block.
type Half struct {
	Transactions int64   `json:"transactions"`
	P50          float64 `json:"p50"` // In the test's unit.
	Mean         float64 `json:"mean"`
}

// Figures are what another engine reports of a block. Percentiles are by name,
// p50, p90, p99, p999, in ns; one that the engine does not give is absent.
type Figures struct {
	Version     string             `json:"version"`
	Command     string             `json:"command"` // As it was run on the client.
	Percentiles map[string]float64 `json:"percentiles"`
}

// Samples is a file beside the result with every transaction of a block.
type Samples struct {
	File   string `json:"file"`   // Relative to the result's folder.
	SHA256 string `json:"sha256"` // Of the file.
	Count  int64  `json:"count"`
}
