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
	Against     string             `json:"against,omitempty"`   // The image of the side that the lab was judged by.
	Seed        int64              `json:"seed"`
	Backend     string             `json:"backend"`     // libvirt, local, ssh, icount.
	Accelerator string             `json:"accelerator"` // kvm, tcg, or "" where no machine is emulated.
	Started     time.Time          `json:"started"`     // UTC.
	Timings     map[string]float64 `json:"timings"`     // Seconds by step: images, boot, push, measure, total, …
	Warnings    []string           `json:"warnings"`
	Crashes     []Crash            `json:"crashes,omitempty"` // Kernels that failed.
	// Failures are the cells that ended early; what one had measured before counts.
	Failures []CellFailure `json:"failures,omitempty"`

	Void         VoidRules           `json:"void"` // The rules by which blocks were voided.
	Environment  Environment         `json:"environment"`
	Expectations []ExpectationResult `json:"expectations"`
	Tests        []TestResult        `json:"tests"`
}

// CellFailure is a cell that ended early.
type CellFailure struct {
	Cell   map[string]string `json:"cell"`
	Reason string            `json:"reason"` // In a line.
}

// Crash is a machine's kernel that failed, as its console tells, or that does not return
// from what an agent asked it to do.
type Crash struct {
	Machine string            `json:"machine"`
	Cell    map[string]string `json:"cell"`
	Boot    int               `json:"boot"` // From 1.
	// Place is how far the cell had come, such as "boot" or the test, the mode and the
	// round; empty where its tests had ended.
	Place     string `json:"place,omitempty"`
	Hung      bool   `json:"hung,omitempty"` // It did not stop, but waits for something for ever.
	Complaint string `json:"complaint"`      // The kernel's first line, without the time, or the agent's.
	// Frames are the first functions of its trace, at most five, the innermost first,
	// without offsets. Two failures with the same frames are likely one.
	Frames  []string `json:"frames"`
	Console string   `json:"console"` // Where the console lies, in the result's folder. May be empty.
	// Tail are the last lines of the console.
	Tail []string `json:"tail,omitempty"`
}

// Tool names the program that measured.
type Tool struct {
	Version     string `json:"version"`
	SHA256      string `json:"sha256,omitempty"` // Of the program's file.
	AgentSHA256 string `json:"agent_sha256"`
}

// Environment is what the numbers were measured on.
type Environment struct {
	// Node is what the host is called; empty where Cells say it, and of machines over SSH.
	Node string         `json:"node,omitempty"`
	Host map[string]any `json:"host"` // kernel, cpu_model, cpus, qemu, libvirt, …
	// Before and After are what the host's kernel had counted when the run began and when
	// it ended, as a machine's are.
	Before   map[string]any            `json:"before,omitempty"`
	After    map[string]any            `json:"after,omitempty"`
	Machines []MachineEnvironment      `json:"machines"` // One a machine and cell.
	Images   map[string]map[string]any `json:"images"`   // By image: kernel_release, digests, packages.
	// Cells say where each cell was measured, where that was done cell by cell. Host
	// has what all their hosts share then.
	Cells []CellEnvironment `json:"cells,omitempty"`
	// Mixed says that cells of different hosts are compared with each other all the
	// same, since somebody insisted.
	Mixed bool `json:"mixed,omitempty"`
}

// CellEnvironment is where a cell of the matrix was measured.
type CellEnvironment struct {
	Cell map[string]string `json:"cell"`
	Node string            `json:"node"` // What the host is called, by its cluster or itself.
	Host map[string]any    `json:"host"` // See [Environment].
	// Before and After are those of the host; see [Environment].
	Before map[string]any `json:"before,omitempty"`
	After  map[string]any `json:"after,omitempty"`
	// Failure is why the cell ended early; what it measured before counts.
	Failure string `json:"failure,omitempty"`
}

// MachineEnvironment is what an agent saw on its machine.
type MachineEnvironment struct {
	Name  string            `json:"name"`
	Cell  map[string]string `json:"cell"`
	Facts map[string]any    `json:"facts"` // As the agent's hostinfo sent them.
	// Before and After are what its kernel had counted when the first test began and when
	// the last one ended: load, steal, interrupts, softirqs, softnet, netstat. The agent's
	// own work between blocks is in them; what counts for a block is in its Counters.
	Before map[string]any `json:"before,omitempty"`
	After  map[string]any `json:"after,omitempty"`
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
	// Needed is how much would decide an inconclusive claim; nil where it is
	// decided, or where rounds alone do not decide it and Reason says what does.
	Needed *Needed `json:"needed,omitempty"`
	// Published is where somebody published the claim: it was then not only
	// confirmed or refuted, but a published result reproduced or contradicted.
	Published string `json:"published,omitempty"`
	// Found are the figures that the claim is about, as this result has them.
	Found []Finding `json:"found,omitempty"`
}

// Finding is a metric of an expectation with its value.
type Finding struct {
	Metric Metric  `json:"metric"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"` // ns, instructions, 1/s; none of a ratio, a count, a capability.
}

// Needed is the size of a run that would decide a claim in four of five cases,
// if what was measured is the truth.
type Needed struct {
	Count int    `json:"count"` // In all, those that were measured among them.
	Of    string `json:"of"`    // rounds; boots or seeds where there were several.
	// AtLeast says that not even so many would do: nobody looked further.
	AtLeast bool `json:"at_least,omitempty"`
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
	Settings   Settings          `json:"settings"`
	Unit       string            `json:"unit"` // UnitTime or UnitInstructions.
	Block      BlockLength       `json:"block"`
	Boots      int               `json:"boots"`       // In which blocks count.
	Rounds     int               `json:"rounds"`      // Of all boots together.
	Stopping   *Stopping         `json:"stopping"`    // null for a fixed number of rounds.
	Request    int               `json:"request"`     // Bytes.
	Response   int               `json:"response"`    // Bytes.
	NoiseFloor Estimate          `json:"noise_floor"` // host against host, p50 ratio.
	// NoiseFloors is host against host by metric: p50, p90, p99, p999, mean, rate.
	NoiseFloors map[string]Estimate `json:"noise_floors"`
	Voided      []VoidedBlock       `json:"voided"`
	Modes       []ModeResult        `json:"modes"`
	// Half says whether half of the transactions were enough, where they were counted.
	Half *HalfBlock `json:"half,omitempty"`
}

// HalfBlock is how far the medians of a block's two halves differ, at most.
type HalfBlock struct {
	Transactions int     `json:"transactions"` // Of a half.
	Difference   float64 `json:"difference"`   // Relative.
	Mode         string  `json:"mode"`         // Whose it is.
}

// Settings are the attributes of a test that shape its workload.
type Settings struct {
	Connections int   `json:"connections"`
	NoDelay     bool  `json:"nodelay"`
	Warmup      int64 `json:"warmup_ns"`
	BusyPoll    int64 `json:"busy_poll_ns"`
	CPU         *int  `json:"cpu"`      // null: the first that the machine has.
	Priority    int   `json:"priority"` // SCHED_FIFO; 0: the ordinary scheduler.
	// Samples is "histogram" or "all".
	Samples string `json:"samples"`
}

// Stopping is how sequential stopping ended.
type Stopping struct {
	Precision float64 `json:"precision"`  // Declared relative width of the interval.
	MaxRounds int     `json:"max_rounds"` // Declared.
	Reached   bool    `json:"reached"`    // Every mode's interval is as narrow.
	Width     float64 `json:"width"`      // Of the widest p50 ratio's interval; 0 where none has one.
	Mode      string  `json:"mode"`       // Whose it is.
}

// Units of a test's figures.
const (
	UnitTime         = "ns"
	UnitInstructions = "instructions" // Per transaction.
	UnitRate         = "1/s"          // Of a test's rates, whatever the others are in.
)

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
	// Missed is how many requests of an open loop left later than intended by
	// more than a tenth of the mean interval, or never, in these blocks; 0 in a closed one.
	Missed int64 `json:"missed"`

	P50  Estimate `json:"p50"`
	P90  Estimate `json:"p90"`
	P99  Estimate `json:"p99"`
	P999 Estimate `json:"p999"`
	Mean Estimate `json:"mean"`
	Rate Estimate `json:"rate"` // Transactions per second.

	// Functions are instructions per transaction, both ends, by function of the
	// kernel, where they were counted.
	Functions map[string]float64 `json:"functions,omitempty"`
	// Uncounted is why there are none of a mode whose instructions were to be counted by
	// function.
	Uncounted string `json:"uncounted,omitempty"`

	// RatioToHost is keyed by metric: p50, p90, p99, p999, mean, rate.
	RatioToHost map[string]Estimate `json:"ratio_to_host"`
	// AddedToHost is the paired difference to host in the test's unit, by
	// metric: p50, p90, p99, p999, mean.
	AddedToHost map[string]Difference `json:"added_to_host"`
	// ToPrevious is the change to the cell before, where instructions were counted; nil
	// in the first.
	ToPrevious *CellChange `json:"to_previous,omitempty"`
	// Claims are what may be said of the mode against host, by metric,
	// corrected over the test's modes.
	Claims map[string]Claim `json:"claims"`
	// Drift is the p50 of a block's second half over its first, over blocks.
	Drift Estimate `json:"drift"`
	// Concurrency is rate × mean, the median over blocks; by Little's law the
	// number of connections in a closed loop. null without a block.
	Concurrency *float64 `json:"concurrency"`
	// Beside are the figures of other engines in the same modes and rounds.
	Beside []EngineResult `json:"beside"`

	Setup        []string      `json:"setup"`        // What was built, one line a thing, such as "DNAT 10.77.0.2:5201 → 198.18.0.2:5201".
	Evidence     *ModeEvidence `json:"evidence"`     // null where none was looked for.
	Capabilities []Capability  `json:"capabilities"` // Empty where none was probed.
	// Leaks are what the kernels had left after the mode; null where nobody looked.
	Leaks *LeakSearch `json:"leaks,omitempty"`
}

// CellChange is a mode's figure in one cell of the matrix over that in another, which
// differs in one coordinate. Its interval is over the paired differences of the seeds.
type CellChange struct {
	Cell map[string]string `json:"cell"` // The other one.
	P50  Estimate          `json:"p50"`
	Mean Estimate          `json:"mean"`
}

// LeakSearch is what kmemleak found after a mode was set up, used and taken down.
type LeakSearch struct {
	Status string `json:"status"` // ok, unsupported, failed.
	Reason string `json:"reason,omitempty"`
	Found  []Leak `json:"found"`
}

// Leak is memory of a machine's kernel that nobody refers to.
type Leak struct {
	Machine string   `json:"machine"`
	Objects int      `json:"objects"`
	Size    int64    `json:"size"`   // Bytes, of each.
	Task    string   `json:"task"`   // That had the first of them.
	Frames  []string `json:"frames"` // Functions that allocated it, at most five, the innermost first.
}

// Verdicts of a claim.
const (
	Slower      = "slower"       // Larger than host; of a rate: smaller.
	Faster      = "faster"       // Smaller than host; of a rate: larger.
	WithinNoise = "within noise" // Refused: it lies below the noise floor.
	NoVerdict   = "no verdict"   // Refused: too few rounds or blocks.
)

// Claim is what may be said of a mode's metric against host's.
type Claim struct {
	Verdict string `json:"verdict"`          // slower, faster, within noise, no verdict.
	Reason  string `json:"reason,omitempty"` // Of a refusal, in words.
	// P is Holm's adjusted p value over the test's modes; null without one.
	P *float64 `json:"p_holm"`
	// MinimumEffect is the smallest ratio to host above 1 that these rounds
	// would show in four of five runs, after Holm's correction; null where it is
	// not known.
	MinimumEffect *float64 `json:"minimum_effect"`
}

// EngineResult is a mode as another engine saw it, in the same rounds.
type EngineResult struct {
	Engine  string `json:"engine"`  // netperf, sockperf.
	Version string `json:"version"` // As the tool says it.
	Blocks  int    `json:"blocks"`
	// Figures and RatioToHost are keyed by metric, those that the engine
	// reports of: p50, p90, p99, p999, mean, rate.
	Figures     map[string]Estimate `json:"figures"`
	RatioToHost map[string]Estimate `json:"ratio_to_host"`
	// RatioToOurs is testbed's figure over the engine's, paired by round.
	RatioToOurs map[string]Estimate `json:"ratio_to_ours"`
}

// Estimate is a number with its 95% interval, or the reason why none is given.
// Estimate, Lo and Hi are nil where Reason says why; Lo and Hi alone are nil
// where there are too few rounds for an interval.
type Estimate struct {
	Estimate *float64 `json:"estimate,omitempty"`
	Lo       *float64 `json:"lo,omitempty"`
	Hi       *float64 `json:"hi,omitempty"`
	N        int      `json:"n,omitempty"`      // Blocks or rounds it rests on.
	Method   string   `json:"method,omitempty"` // "geometric mean of rounds", "pooled".
	Reason   string   `json:"reason,omitempty"`
}

// Difference is an [Estimate] that may be negative.
type Difference Estimate
