package testbed

// Metric names one number of a result, as an expectation asks for it.
type Metric struct {
	// Function is p50, p90, p99, p999, mean or rate for a mode's own figure,
	// "ratio" for Mode over Base, or instructions, softirqs, backlog, calls, capability.
	Function string `json:"function"`
	Test     string `json:"test,omitempty"`
	Mode     string `json:"mode"`
	Base     string `json:"base,omitempty"` // Function "ratio" only.
	Name     string `json:"name,omitempty"` // Function "ratio": the metric. Function "capability": which.
}

// Lookup gives a metric's value, or false where the result does not have it.
type Lookup func(Metric) (value float64, known bool)

// Truth is the value of a claim when some of its metrics may be unknown.
type Truth int

// The values of a claim.
const (
	Unknown Truth = iota
	False
	True
)

// Predicate is a compiled expectation.
type Predicate func(Lookup) Truth
