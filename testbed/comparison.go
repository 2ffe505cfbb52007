package testbed

import "time"

// ComparisonSchema is the identifier of the format of a comparison.
const ComparisonSchema = "testbed.comparison/v1"

// Comparison is a result judged against a base. It measures nothing: whoever has
// the two results can make it again.
type Comparison struct {
	Schema string `json:"schema"` // ComparisonSchema.
	Metric string `json:"metric"` // p50, p90, p99, p999, mean or rate.
	// Margin is the relative change that is still taken for equal, such as 0.02.
	Margin float64 `json:"margin"`
	Base   Side    `json:"base"`
	New    Side    `json:"new"`
	// Forced are the reasons for which the two are not comparable, where they
	// were compared all the same.
	Forced  []string `json:"forced"`
	Verdict string   `json:"verdict"` // Of all modes together; see [Regression].
	// Failed is what crashed, hung or ended early on the new side alone; in a run
	// against a base on either side.
	Failed []Failing `json:"failed,omitempty"`
	Modes  []Change  `json:"modes"`
	// Unmatched are tests and modes that one side lacks, in words.
	Unmatched []string `json:"unmatched"`
	// Environment is what differs, the most suspicious first.
	Environment []Differing `json:"environment"`
}

// Failing is a kernel that failed, or a cell that ended early, in words.
type Failing struct {
	What string `json:"what"` // The cell, what became of it, and where.
	Why  string `json:"why"`
}

// Side is one of the results compared.
type Side struct {
	Path        string            `json:"path"` // As it was given.
	Lab         string            `json:"lab"`
	Cell        map[string]string `json:"cell"` // That was picked of its matrix; empty: all cells.
	Started     time.Time         `json:"started"`
	Backend     string            `json:"backend"`
	Accelerator string            `json:"accelerator"`
	Kernels     []string          `json:"kernels"`
}

// Verdicts of a comparison. All but [Undecided] and [Broken] are claims, corrected for
// how many modes there are.
const (
	Regression  = "regression"  // Worse by more than the margin.
	Improvement = "improvement" // Better by more than the margin.
	Equal       = "equal"       // Within the margin, or the same to the last digit.
	Undecided   = "inconclusive"
	Broken      = "failed" // The base has it, and the new side crashed, hung, or cannot do it.
)

// Verdicts of a reproduction, whose margin has two sides alike.
const (
	Reproduced = "reproduced" // Within the margin, or the same to the last digit.
	Different  = "different"  // Beyond the margin.
)

// Figures by which a mode is judged.
const (
	JudgedItself = "figure"        // By the metric's own figure.
	JudgedToHost = "ratio to host" // By its ratio to host's, in the same rounds.
)

// Change is one mode of one test, in the new result against the base.
type Change struct {
	Test string            `json:"test"`
	Cell map[string]string `json:"cell"` // What both sides have of the matrix.
	Mode string            `json:"mode"`
	Unit string            `json:"unit"` // Of Base and New; of rates it is 1/s.

	Base Estimate `json:"base"`
	New  Estimate `json:"new"`
	// Itself is the new figure over the base's, and ToHost the ratio of their
	// ratios to host; above 1 is more.
	Itself Estimate `json:"itself"`
	ToHost Estimate `json:"to_host"`

	JudgedBy string `json:"judged_by"`        // JudgedItself or JudgedToHost.
	Verdict  string `json:"verdict"`          // Empty for host where it is the reference.
	Reason   string `json:"reason,omitempty"` // Of an inconclusive or failed one, in words.
	// Direction is which way the figure moved for certain, however little:
	// slower, faster, or empty. It is not corrected for the number of modes.
	Direction string `json:"direction,omitempty"`
	// P is Holm's adjusted p value of the verdict; null without a claim.
	P *float64 `json:"p_holm"`
	// MinimumEffect is the smallest ratio above 1 that would be found in four of
	// five such comparisons, after Holm's correction; null without a claim.
	MinimumEffect *float64 `json:"minimum_effect"`
	// Functions are those of the kernel that explain a change of instructions.
	Functions []FunctionChange `json:"functions,omitempty"`
}

// FunctionChange is a function's instructions per transaction on either side.
type FunctionChange struct {
	Name string  `json:"name"`
	Base float64 `json:"base"`
	New  float64 `json:"new"`
}

// Differing is a fact of the environment that differs.
type Differing struct {
	What string `json:"what"`
	Base string `json:"base"`
	New  string `json:"new"`
}
