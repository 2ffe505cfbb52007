package testbed

// OrderSchema is the identifier of the format of an order.
const OrderSchema = "testbed.order/v1"

// Order is how two results order the modes of their tests, each by its ratio to host: of
// two machines, or of time and instructions, whose sizes cannot be compared.
type Order struct {
	Schema string      `json:"schema"` // OrderSchema.
	Base   Side        `json:"base"`
	Other  Side        `json:"other"`
	Tests  []TestOrder `json:"tests"` // That both have.
}

// TestOrder is the order of one test's modes.
type TestOrder struct {
	Test      string            `json:"test"`
	Cell      map[string]string `json:"cell"`
	BaseUnit  string            `json:"base_unit"`
	OtherUnit string            `json:"other_unit"`
	Modes     []OrderedMode     `json:"modes"` // That both have a ratio of, in the base's order.
	// Correlation is Spearman's, of the ranks; null of fewer than three modes.
	Correlation *float64 `json:"correlation"`
	// Told is how many pairs of modes both tell apart by their intervals.
	Told          int            `json:"told"`
	Disagreements []Disagreement `json:"disagreements"`
}

// OrderedMode is a mode's ratio to host in both results, and its rank from 1.
type OrderedMode struct {
	Mode      string   `json:"mode"`
	Base      Estimate `json:"base"`
	Other     Estimate `json:"other"`
	BaseRank  int      `json:"base_rank"`
	OtherRank int      `json:"other_rank"`
}

// Disagreement is a pair of modes that both results tell apart, and in another order.
type Disagreement struct {
	First  string `json:"first"` // In the base.
	Second string `json:"second"`
	Reason string `json:"reason,omitempty"` // Where one result counts and the other times.
}
