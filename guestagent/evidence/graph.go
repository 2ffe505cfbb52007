package evidence

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/guestagent/symbol"
)

// Call is one line of a path: a function that was called, or a device that an
// event named. Depth is how many calls it is within.
type Call struct {
	Depth int
	Name  string
	// Device that a packet is on, of an event; Name is the event's then.
	Device string
}

// Cycle is all that happened from one transaction to the next.
type Cycle []Call

// Cut says where one transaction ends and the next begins.
type Cut struct {
	// Functions by which a process sends.
	Sends []string
	// After cuts behind the send, as a server's transaction ends with its
	// answer; otherwise before it.
	After bool
	// Every so many sends: 2 where both ends are in one trace.
	Every int
}

// Trace is what a [Graph] pass saw: the transactions that were traced whole.
type Trace struct{ cycles [][]step }

// step is a line of the trace. A call's place is where it was called, an event's where
// it was.
type step struct {
	Call
	place *place
}

// Read reads the text of a [Graph] pass. What comes before the first cut and after the
// last is no whole transaction and left out.
func Read(text string, cut Cut) Trace {
	c := cutter{Cut: cut, open: map[string][]*place{}}
	for line := range strings.Lines(text) {
		if task, depth, body, is := graphLine(line); is {
			c.line(task, depth, body)
		}
	}
	return Trace{c.cycles}
}

// Cycles are the transactions, line by line.
func (t Trace) Cycles() (all []Cycle) {
	for _, steps := range t.cycles {
		cycle := make(Cycle, len(steps))
		for i, one := range steps {
			cycle[i] = one.Call
		}
		all = append(all, cycle)
	}
	return all
}

// cutter makes cycles of lines.
type cutter struct {
	Cut
	cycles  [][]step
	now     []step
	cuts    bool   // Has cut before.
	sends   int    // So far.
	pending string // The task whose send has to return before a cut.
	root    place
	open    map[string][]*place // Each task's calls that have not returned.
}

func (c *cutter) line(task string, depth int, body string) {
	if c.pending == task && depth == 0 && strings.HasPrefix(body, "}") {
		c.pending = ""
		c.cut(len(c.now))
		return
	}
	call, module, is := parse(depth, body)
	if !is {
		return
	}
	c.now = append(c.now, step{call, c.at(task, call, module)})
	if !slices.Contains(c.Sends, call.Name) {
		return
	}
	if c.sends++; (c.sends-1)%max(c.Every, 1) != 0 {
		return
	}
	if c.After {
		c.pending = task
		return
	}
	c.cut(c.outermost())
}

// at is a line's place. Tasks take turns in the middle of calls, so each has its own;
// what one had called before the trace began is not known.
func (c *cutter) at(task string, call Call, module bool) *place {
	open := c.open[task]
	for len(open) < call.Depth {
		open = append(open, &c.root)
	}
	open = open[:call.Depth]
	within := &c.root
	if call.Depth > 0 {
		within = open[call.Depth-1]
	}
	if call.Device != "" {
		c.open[task] = open
		return within
	}
	here := within.child(call.Name, module)
	c.open[task] = append(open, here)
	return here
}

// outermost is where the call that was added last was entered from: the process's
// way into the kernel belongs to the transaction.
func (c *cutter) outermost() int {
	i := len(c.now) - 1
	for i > 0 && c.now[i].Depth > 0 {
		i--
	}
	return i
}

// cut ends a cycle before a line, if one was begun, and begins the next.
func (c *cutter) cut(at int) {
	if c.cuts {
		c.cycles = append(c.cycles, slices.Clone(c.now[:at]))
	}
	c.now, c.cuts = slices.Clone(c.now[at:]), true
}

// graphLine reads one of the function graph's: "0)  testbed-agent-123 |  tcp_sendmsg() {".
// A trace has tens of thousands, and in an emulated guest a regular expression takes
// longer for them than all that is traced.
func graphLine(line string) (task string, depth int, body string, is bool) {
	cpu, rest, _ := strings.Cut(line, ")")
	task, body, _ = strings.Cut(rest, "|")
	task = strings.TrimSpace(task)
	if !isNumber(strings.TrimSpace(cpu)) || !isNumber(task[strings.LastIndexByte(task, '-')+1:]) {
		return "", 0, "", false
	}
	inner := strings.TrimLeft(body, " ")
	return task, max(0, (len(body)-len(inner))/2-1), strings.TrimSpace(inner), true
}

// parse reads what stands behind a line's bar: an event, "/* netif_rx: dev=eth0 len=53 */",
// or a call, "veth_xmit [veth]() {". A call's end is neither.
func parse(depth int, body string) (call Call, module, is bool) {
	if event, is := strings.CutPrefix(body, "/* "); is {
		name, rest, _ := strings.Cut(event, ": ")
		device := deviceOf(rest)
		return Call{Depth: depth, Name: name, Device: device}, false, device != ""
	}
	name, _, is := strings.Cut(body, "()")
	name, _, module = strings.Cut(name, " [")
	return Call{Depth: depth, Name: symbol.Plain(name)}, module, is
}

// Typical is the cycle that others are most alike: the one with the median number
// of calls. ok is false where there is none.
func Typical(cycles []Cycle) (typical Cycle, ok bool) {
	if len(cycles) == 0 {
		return nil, false
	}
	sorted := slices.Clone(cycles)
	slices.SortStableFunc(sorted, func(a, b Cycle) int { return cmp.Compare(len(a), len(b)) })
	return sorted[(len(sorted)-1)/2], true
}

// Calls is how often each function was called in a transaction: the median over
// cycles, so that a timer's tick in one of them counts for nothing. Functions
// with a median of 0 are left out.
func Calls(cycles []Cycle) map[string]float64 {
	counts := make([]map[string]int, len(cycles))
	names := map[string]bool{}
	for i, cycle := range cycles {
		counts[i] = map[string]int{}
		for _, call := range cycle {
			if call.Device == "" {
				counts[i][call.Name]++
				names[call.Name] = true
			}
		}
	}
	medians := map[string]float64{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var all []int
		for _, one := range counts {
			all = append(all, one[name])
		}
		if m := median(all); m > 0 {
			medians[name] = m
		}
	}
	return medians
}

func median(values []int) float64 {
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return float64(values[middle])
	}
	return float64(values[middle-1]+values[middle]) / 2
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
