// Package evidence looks into the kernel while transactions run: which
// tracepoints of which devices a transaction hits, which functions it calls and
// in what order, and which devices carried its packets. It uses tracefs, so a
// guest needs no compiler and no debugger. It runs apart from any timing: a
// traced transaction is several times slower, and says so.
//
// Invariant: tracing is left as it was found. A pass traces in an instance of its own,
// where the kernel lets it; what an agent left that died meanwhile, [Sweep] ends.
package evidence

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is what a pass records.
type Kind string

// The kinds of passes.
const (
	// Events are tracepoints: cheap enough that a transaction keeps its shape.
	Events Kind = "events"
	// Graph is every call of a function of the network stack, and of others if asked.
	Graph Kind = "graph"
)

// Buffers are per CPU. bufferKB holds either pass: an event takes some 40 bytes, and a
// transaction has fewer than 100 of them, or 2,000 calls of the network's functions.
// wideKB holds those of others too, in a guest that has one CPU.
const (
	bufferKB = "8192"
	wideKB   = "32768"
)

// events that are counted. irq is here for softirqs; the rest are where a packet
// changes hands.
var events = []string{
	"net:netif_rx", "net:netif_receive_skb", "net:net_dev_queue", "net:net_dev_start_xmit",
	"napi:napi_poll", "irq:softirq_raise", "irq:softirq_entry",
}

// deviceEvents are shown in a path, between the calls.
var deviceEvents = []string{"net:netif_rx", "net:netif_receive_skb", "net:net_dev_start_xmit"}

// functionGraph is the tracer of a [Graph] pass.
const functionGraph = "function_graph"

// Tracer is one pass. Make it with [Start]; [Tracer.Stop] ends it.
type Tracer struct {
	top  *tracefs // What all share.
	own  *instance
	fs   *tracefs // One of these, where it traces.
	kind Kind
	// wide traces what a transaction calls beside the network's functions too.
	wide bool
	// before is what was set where, to be put back in what all share.
	before [][2]string
}

// Start begins to record. The error says what the kernel or the machine lacks.
func Start(kind Kind) (*Tracer, error) { return start(kind, false) }

// StartWide begins to record the calls of what a transaction passes beside the network's
// functions too.
func StartWide() (*Tracer, error) { return start(Graph, true) }

func start(kind Kind, wide bool) (*Tracer, error) {
	top, err := openTracefs()
	if err != nil {
		return nil, err
	}
	t := &Tracer{top: top, kind: kind, wide: wide}
	if t.own, err = top.instance(kind); err != nil {
		top.close()
		return nil, err
	}
	if err = t.choose(); err == nil {
		err = t.start()
	}
	if err != nil {
		return nil, errors.Join(err, t.reset())
	}
	return t, nil
}

// choose takes an instance, which is nobody else's; but for the function graph, which
// instances have since Linux 6.11 only.
func (t *Tracer) choose() error {
	t.fs = t.own.tracefs
	if t.kind != Graph {
		return nil
	}
	if own, err := t.own.offers(functionGraph); own || err != nil {
		return err
	}
	shared, err := t.top.offers(functionGraph)
	if err != nil {
		return err
	}
	if !shared {
		return errors.New("this kernel has no function graph tracer: it needs CONFIG_FUNCTION_GRAPH_TRACER")
	}
	return t.borrow()
}

// borrow takes what all share, where nobody traces with it. The instance, which does
// nothing then, tells that somebody has borrowed it.
func (t *Tracer) borrow() error {
	if err := t.top.idle(); err != nil {
		return err
	}
	names := []string{"buffer_size_kb", "tracing_on"}
	if t.kind == Graph {
		names = append(names, "set_ftrace_filter")
	}
	var before [][2]string
	for _, name := range names {
		value, err := t.top.read(name)
		if err != nil {
			return err
		}
		if value = bufferSize(value); name == "set_ftrace_filter" {
			value = filtered(value)
		}
		before = append(before, [2]string{name, value})
	}
	t.fs, t.before = t.top, before
	return nil
}

// bufferSize is the number in a setting. A buffer that nobody has used yet is small
// and says what it will be, as in "7 (expanded: 1408)"; once used it is that.
func bufferSize(value string) string {
	value = strings.TrimSpace(value)
	if _, expanded, is := strings.Cut(value, "expanded: "); is {
		return strings.TrimSuffix(expanded, ")")
	}
	return value
}

// filtered is what writes a filter again: the functions that its file lists, without
// their modules. A filter that leaves out none has a comment, and commands that a person
// gave with a function ("schedule:traceoff:unlimited") are apart from it.
func filtered(listed string) string {
	var names []string
	for line := range strings.Lines(listed) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" && !strings.HasPrefix(name, "#") && !strings.Contains(name, ":") {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func (t *Tracer) start() error {
	size := bufferKB
	if t.wide {
		size = wideKB
	}
	for _, set := range [][2]string{{"tracing_on", "0"}, {"trace", ""}, {"buffer_size_kb", size}} {
		if err := t.fs.write(set[0], set[1], false); err != nil {
			return err
		}
	}
	wanted := events
	if t.kind == Graph {
		wanted = deviceEvents
		if err := t.graph(); err != nil {
			return err
		}
	}
	for _, event := range wanted {
		if err := t.fs.write("set_event", event, true); err != nil {
			return fmt.Errorf("this kernel has no event %s: %w", event, err)
		}
	}
	return t.fs.write("tracing_on", "1", false)
}

// graph chooses the function graph tracer. Each line names its task, because
// tasks take turns in the middle of calls, and interrupts that are no softirqs
// are left out: they belong to nobody's transaction.
func (t *Tracer) graph() error {
	if err := t.limit(); err != nil {
		return err
	}
	if err := t.fs.write("current_tracer", functionGraph, false); err != nil {
		return err
	}
	for _, option := range []string{"funcgraph-proc", "nofuncgraph-duration", "nofuncgraph-overhead", "nofuncgraph-irqs"} {
		if err := t.fs.write("trace_options", option, false); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends the recording and returns its text.
func (t *Tracer) Stop() (text string, err error) {
	err = t.fs.write("tracing_on", "0", false)
	if err == nil {
		text, err = t.fs.read("trace")
	}
	if err == nil && strings.Contains(text, "LOST") {
		err = errors.New("the kernel's trace buffer was too small, and events were lost")
	}
	return text, errors.Join(err, t.reset())
}

// reset leaves tracing as it was found.
func (t *Tracer) reset() error {
	defer t.top.close()
	if t.kind == Graph {
		for _, option := range []string{"nofuncgraph-proc", "funcgraph-duration", "funcgraph-overhead", "funcgraph-irqs"} {
			_ = t.fs.write("trace_options", option, false) // Without the tracer there are none.
		}
	}
	var err error
	if t.before != nil { // Nobody traced: see idle.
		err = t.top.set(append([][2]string{{"set_event", ""}, {"current_tracer", "nop"}, {"trace", ""}}, t.before...))
	}
	return errors.Join(err, t.own.end())
}
