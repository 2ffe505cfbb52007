package testbed

// Evidence says what the kernel did for a transaction. It comes from passes of
// their own, after the timing; numbers are per transaction.

// ModeEvidence is that of one mode, both ends together and each.
type ModeEvidence struct {
	// Softirqs are NET_RX and NET_TX softirqs that ran, Backlog the packets that
	// were put into a CPU's backlog (netif_rx), and Calls the calls of functions
	// of the network stack. null where they could not be counted.
	Softirqs *float64 `json:"softirqs"`
	Backlog  *float64 `json:"backlog"`
	Calls    *float64 `json:"calls"`
	// CallCost is what the trace added to each call, in the test's unit: the mean
	// of traced transactions less that of timed ones, by the number of calls.
	CallCost *float64    `json:"call_cost"`
	Ends     []EndCounts `json:"ends,omitempty"`
	Client   EndEvidence `json:"client"`
	Server   EndEvidence `json:"server"`
}

// EndCounts is what one end did for a transaction, of all devices together.
type EndCounts struct {
	End string `json:"end"` // client, server, or both where the machines are one kernel's.
	// Counts are softirqs_raised, softirqs_ran, netif_rx, netif_receive_skb, xmit, napi_polls,
	// qdisc, conntrack, nft, context_switches, in and out. What nobody could count is absent.
	Counts map[string]float64 `json:"counts"`
}

// Together says that what was traced at the client is of both ends.
func (e ModeEvidence) Together() bool { return e.Server.Shared }

// NamedEnd is an end with its role.
type NamedEnd struct {
	Name string
	EndEvidence
}

// Both are the two ends, the client first.
func (e ModeEvidence) Both() []NamedEnd {
	return []NamedEnd{{"client", e.Client}, {"server", e.Server}}
}

// EndEvidence is what was seen at one end.
type EndEvidence struct {
	Unavailable []string `json:"unavailable"` // Why something is missing.
	// Shared says that the client's events, calls and path are those of both ends: the
	// machines are one kernel's.
	Shared bool `json:"shared,omitempty"`
	// Counters are what the kernel counted itself, such as context_switches of the thread
	// that measures and tcp_out_segs of the namespace of its socket.
	Counters map[string]float64 `json:"counters,omitempty"`
	// Events by "TRACEPOINT DEVICE", or "TRACEPOINT SOFTIRQ".
	Events map[string]float64 `json:"events"`
	// Packets by device; those of the container's behind a "/".
	Packets map[string]PacketRate `json:"packets"`
	// Calls are how often each function of the network stack was called, the
	// median over so many whole transactions (Cycles), and Path is one of them.
	Calls  map[string]float64 `json:"calls"`
	Cycles int                `json:"cycles"`
	Path   []Call             `json:"path"`
	// Callers are the calls of all functions in these transactions, where not the network's
	// alone were traced: a tree, from its root down.
	Callers []Frame `json:"callers,omitempty"`
}

// Frame is a function below those that called it, and how often it was called there.
type Frame struct {
	Depth int    `json:"depth"`
	Name  string `json:"name"`
	Calls int    `json:"calls"`
}

// PacketRate is packets per transaction.
type PacketRate struct {
	Received float64 `json:"received"`
	Sent     float64 `json:"sent"`
}

// Call is a function that was called at a depth, or, with a Device, an event.
type Call struct {
	Depth  int    `json:"depth"`
	Name   string `json:"name"`
	Device string `json:"device,omitempty"`
}

// Capability is something that works in a mode, or does not, and how that was
// seen.
type Capability struct {
	Name string `json:"name"`
	// Answer is works, fails or unsupported: where the probe cannot be made.
	Answer string `json:"answer"`
	// Observation decided it.
	Observation string `json:"observation"`
	// Control is what the same probe saw where the answer was known beforehand.
	Control string `json:"control"`
}

// Answers of a probe; the third is [StatusUnsupported].
const (
	Works = "works"
	Fails = "fails"
)
