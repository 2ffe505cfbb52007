package proto

import "net/netip"

// Ensemble is a test whose machines share one kernel and have no conductor: all
// that they need comes at once, and all that they say is kept until the end, so
// that nothing from outside reaches a measurement. An agent reads one from its
// standard input and answers with [Said] values, one a line, in gzip; the last two are the
// roles' "done" or "error".
type Ensemble struct {
	Version  int      `json:"version"`
	Machines []Member `json:"machines"`
	Wires    []Wire   `json:"wires"`
	Client   Segment  `json:"client"`
	Server   Segment  `json:"server"`
	// Symbols asks for the names of functions: SymbolsKernel or SymbolsModules.
	Symbols string `json:"symbols,omitempty"`
}

// What an ensemble may ask for: all, or those of modules and BPF programs alone. The
// words are of one length, so that inputs are.
const (
	SymbolsKernel  = "all"
	SymbolsModules = "mod"
)

// Member is a machine: a network namespace.
type Member struct {
	Name   string            `json:"name"`
	Sysctl map[string]string `json:"sysctl,omitempty"` // Of a network namespace.
	NICs   []MemberNIC       `json:"nics"`
}

// MemberNIC is an end of a wire.
type MemberNIC struct {
	Device  string       `json:"device"`
	MAC     string       `json:"mac"`
	Address netip.Prefix `json:"address"`
	Wire    string       `json:"wire"`
}

// Wire joins the machines that have an interface on it: two by a veth pair, more
// by a bridge.
type Wire struct {
	Name string `json:"name"`
	MTU  int    `json:"mtu"`
}

// Said is a message, and whose it is.
type Said struct {
	Role    Role    `json:"role,omitempty"`
	Message Message `json:"message,omitzero"`
	// Symbols are the kernel's own functions, and ModuleSymbols those of modules and
	// BPF programs, as /proc/kallsyms has them but for the upper half of the address,
	// which is all ones: a line each of address, type and name. They are of no role,
	// and come after all messages.
	Symbols       string `json:"symbols,omitempty"`
	ModuleSymbols string `json:"module_symbols,omitempty"`
}
