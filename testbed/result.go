package testbed

import "time"

// ResultSchema is the identifier of the result format that this version writes.
const ResultSchema = "testbed.result/v1"

// Result is everything measured, as data, with its unit. A report is a drawing
// of it. Field names are those of the published schema.
type Result struct {
	Schema      string             `json:"schema"` // ResultSchema.
	Tool        Tool               `json:"tool"`
	Lab         string             `json:"lab"`
	Description string             `json:"description,omitempty"`
	LabFile     string             `json:"lab_file"`            // Base name of the lab file; a copy lies beside the result.
	LabDigest   string             `json:"lab_digest"`          // SHA-256 of the lab file.
	Variables   map[string]string  `json:"variables,omitempty"` // As the command line gave them.
	Seed        int64              `json:"seed"`
	Backend     string             `json:"backend"`     // libvirt, local, ssh, icount.
	Accelerator string             `json:"accelerator"` // kvm, tcg, or "" where no machine is emulated.
	Started     time.Time          `json:"started"`     // UTC.
	Timings     map[string]float64 `json:"timings"`     // Seconds by step: images, boot, push, measure, total, …
	Warnings    []string           `json:"warnings"`

	Environment  Environment         `json:"environment"`
	Expectations []ExpectationResult `json:"expectations"`
	Tests        []TestResult        `json:"tests"`
}

// Tool names the program that measured.
type Tool struct {
	Version     string `json:"version"`
	AgentSHA256 string `json:"agent_sha256"`
}

// Environment is what the numbers were measured on.
type Environment struct {
	Host     map[string]any            `json:"host"`     // kernel, cpu_model, cpus, qemu, libvirt, …
	Machines []MachineEnvironment      `json:"machines"` // One a machine and cell.
	Images   map[string]map[string]any `json:"images"`   // By image: kernel_release, digests, packages.
}

// MachineEnvironment is what an agent saw on its machine.
type MachineEnvironment struct {
	Name  string            `json:"name"`
	Cell  map[string]string `json:"cell"`
	Facts map[string]any    `json:"facts"` // As the agent's hostinfo sent them.
}

// Verdicts of an expectation.
const (
	Confirmed    = "confirmed"
	Refuted      = "refuted"
	Inconclusive = "inconclusive"
)

// ExpectationResult is an expectation, judged.
type ExpectationResult struct {
	Name    string            `json:"name"`
	Cell    map[string]string `json:"cell"`
	That    string            `json:"that"`    // The expression as written.
	Verdict string            `json:"verdict"` // confirmed, refuted, inconclusive.
	// Share of resamples in which the claim holds; nil where it could not be evaluated.
	Share  *float64 `json:"share"`
	Reason string   `json:"reason,omitempty"`
}

// Statuses of a mode.
const (
	StatusOK          = "ok"
	StatusUnsupported = "unsupported"
	StatusFailed      = "failed"
)

// TestResult is one test in one cell of the matrix.
type TestResult struct {
	Name       string            `json:"name"`
	Protocol   string            `json:"protocol"`
	Engine     string            `json:"engine"`
	Seed       int64             `json:"seed"`
	Cell       map[string]string `json:"cell"`
	Load       *Load             `json:"load"` // null in a closed loop.
	Unit       string            `json:"unit"` // "ns", later "instructions".
	Block      BlockLength       `json:"block"`
	Rounds     int               `json:"rounds"`
	Request    int               `json:"request"`     // Bytes.
	Response   int               `json:"response"`    // Bytes.
	NoiseFloor Estimate          `json:"noise_floor"` // host against host, p50 ratio.
	Voided     []VoidedBlock     `json:"voided"`
	Modes      []ModeResult      `json:"modes"`
}

// BlockLength says what ended a block: a duration or a count.
type BlockLength struct {
	Nanoseconds  int64 `json:"ns,omitempty"`
	Transactions int   `json:"transactions,omitempty"`
}

// VoidedBlock is a block that does not count, and why.
type VoidedBlock struct {
	Mode   string `json:"mode"`
	Round  int    `json:"round"`
	Reason string `json:"reason"`
}

// ModeResult is one mode of one test.
type ModeResult struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	At     string `json:"at"`
	Status string `json:"status"` // ok, unsupported, failed.
	Reason string `json:"reason,omitempty"`

	Blocks       int   `json:"blocks"`       // That count.
	Transactions int64 `json:"transactions"` // In them.

	P50  Estimate `json:"p50"`
	P90  Estimate `json:"p90"`
	P99  Estimate `json:"p99"`
	P999 Estimate `json:"p999"`
	Mean Estimate `json:"mean"`
	Rate Estimate `json:"rate"` // Transactions per second.

	// RatioToHost is keyed by metric: p50, p90, p99, p999, mean, rate.
	RatioToHost map[string]Estimate `json:"ratio_to_host"`

	Setup        []string       `json:"setup"`        // What was built, one line a thing, such as "DNAT 10.77.0.2:5201 → 198.18.0.2:5201".
	Evidence     map[string]any `json:"evidence"`     // Empty until built.
	Capabilities map[string]any `json:"capabilities"` // Empty until built.
}

// Estimate is a number with its 95% interval, or the reason why none is given.
// Estimate, Lo and Hi are nil where Reason says why; Lo and Hi alone are nil
// where there are too few rounds for an interval.
type Estimate struct {
	Estimate *float64 `json:"estimate,omitempty"`
	Lo       *float64 `json:"lo,omitempty"`
	Hi       *float64 `json:"hi,omitempty"`
	N        int      `json:"n,omitempty"`      // Blocks or rounds it rests on.
	Method   string   `json:"method,omitempty"` // "median of rounds", "pooled".
	Reason   string   `json:"reason,omitempty"`
}

// Block is one uninterrupted stretch of transactions, raw: the unit of
// analysis, and a line of blocks.jsonl.
type Block struct {
	Test  string            `json:"test"`
	Cell  map[string]string `json:"cell"`
	Mode  string            `json:"mode"`
	Round int               `json:"round"` // From 0.
	Index int               `json:"index"` // Position in the order in which blocks ran, from 0.
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
	// Counters are differences over the block on both ends, such as
	// "client.tcp_retrans_segs" or "server.steal_ticks".
	Counters map[string]int64 `json:"counters,omitempty"`
	Setup    []string         `json:"setup,omitempty"`
}
