// Package evidence looks into the kernel while transactions run: which
// tracepoints of which devices a transaction hits, which functions it calls and
// in what order, and which devices carried its packets. It uses tracefs, so a
// guest needs no compiler and no debugger. It runs apart from any timing: a
// traced transaction is several times slower, and says so.
//
// Invariant: tracing is left as it was found, off.
package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Kind is what a pass records.
type Kind string

// The kinds of passes.
const (
	// Events are tracepoints: cheap enough that a transaction keeps its shape.
	Events Kind = "events"
	// Graph is every call of a function of the network stack.
	Graph Kind = "graph"
)

// bufferKB per CPU holds either pass: an event takes some 40 bytes, and a
// transaction has fewer than 100 of them, or 2,000 calls.
const bufferKB = "8192"

// events that are counted. irq is here for softirqs; the rest are where a packet
// changes hands.
var events = []string{
	"net:netif_rx", "net:netif_receive_skb", "net:net_dev_queue", "net:net_dev_start_xmit",
	"napi:napi_poll", "irq:softirq_raise", "irq:softirq_entry",
}

// deviceEvents are shown in a path, between the calls.
var deviceEvents = []string{"net:netif_rx", "net:netif_receive_skb", "net:net_dev_start_xmit"}

// Tracer is one pass. Make it with [Start]; [Tracer.Stop] ends it.
type Tracer struct {
	fs     *tracefs
	kind   Kind
	before map[string]string // What was set where, to be put back.
}

// Start begins to record. The error says what the kernel or the machine lacks.
func Start(kind Kind) (*Tracer, error) {
	opened, err := openTracefs()
	if err != nil {
		return nil, err
	}
	if err := opened.idle(); err != nil {
		opened.close()
		return nil, err
	}
	t := &Tracer{fs: opened, kind: kind, before: map[string]string{}}
	if err = t.remember(); err == nil {
		err = t.start()
	}
	if err != nil {
		return nil, errors.Join(err, t.reset())
	}
	return t, nil
}

// remember reads what a pass changes and a person may have set.
func (t *Tracer) remember() error {
	for _, name := range []string{"buffer_size_kb", "tracing_on"} {
		value, err := t.fs.read(name)
		if err != nil {
			return err
		}
		t.before[name] = bufferSize(value)
	}
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

func (t *Tracer) start() error {
	for _, set := range [][2]string{{"tracing_on", "0"}, {"trace", ""}, {"buffer_size_kb", bufferKB}} {
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
	tracers, err := t.fs.read("available_tracers")
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Fields(tracers), "function_graph") {
		return errors.New("this kernel has no function graph tracer: it needs CONFIG_FUNCTION_GRAPH_TRACER")
	}
	if err := t.limit(); err != nil {
		return err
	}
	if err := t.fs.write("current_tracer", "function_graph", false); err != nil {
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

// reset leaves tracing as it was found: idle has made sure that nobody traced.
func (t *Tracer) reset() error {
	defer t.fs.close()
	var errs []error
	if t.kind == Graph {
		for _, option := range []string{"nofuncgraph-proc", "funcgraph-duration", "funcgraph-overhead", "funcgraph-irqs"} {
			_ = t.fs.write("trace_options", option, false) // Without the tracer there are none.
		}
	}
	settings := [][2]string{{"set_event", ""}, {"current_tracer", "nop"}, {"trace", ""}}
	if t.kind == Graph {
		settings = append(settings, [2]string{"set_ftrace_filter", ""})
	}
	for name, value := range t.before {
		settings = append(settings, [2]string{name, value})
	}
	for _, set := range settings {
		if err := t.fs.write(set[0], set[1], false); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
