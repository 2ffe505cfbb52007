package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// capabilityPass is the pass that looks for no evidence.
const capabilityPass = "capability"

// disproved is why a mode was not what it was declared to be, as a pass found.
func (s *series) disproved() string {
	for _, b := range s.passes {
		if b.Status == testbed.StatusFailed && b.Pass != capabilityPass && b.Pass != leakPass {
			return b.Reason
		}
	}
	return ""
}

// evidence joins the passes of a mode; nil where none looked.
func (t *trial) evidence(s *series, m testbed.ModeResult) *testbed.ModeEvidence {
	var e *testbed.ModeEvidence
	for _, b := range s.passes {
		if b.Client == nil && b.Server == nil {
			continue
		}
		if e == nil {
			e = &testbed.ModeEvidence{Client: noEvidence(), Server: noEvidence()}
		}
		merge(&e.Client, b.Client)
		merge(&e.Server, b.Server)
		if b.Pass == "events" {
			e.Client.Counters = countersOf(b, "client", float64(b.Transactions))
			e.Server.Counters = countersOf(b, "server", float64(b.Counters["server.transactions"]))
		}
		if b.Pass == "graph" {
			e.Calls = callsOf(b)
			e.CallCost = callCost(b, tracedCalls(b), m)
		}
	}
	if e == nil {
		return nil
	}
	e.Ends = endsOf(*e)
	e.Softirqs = eventSum(*e, "softirq_entry ")
	e.Backlog = eventSum(*e, "netif_rx ")
	return e
}

func noEvidence() testbed.EndEvidence {
	return testbed.EndEvidence{
		Unavailable: []string{}, Events: map[string]float64{}, Packets: map[string]testbed.PacketRate{},
		Calls: map[string]float64{}, Path: []testbed.Call{},
	}
}

// merge adds what a pass saw at one end. Packets are those of the events' pass,
// which had more transactions.
func merge(into, from *testbed.EndEvidence) {
	if from == nil {
		return
	}
	into.Shared = into.Shared || from.Shared
	for _, why := range from.Unavailable {
		if len(into.Unavailable) == 0 || into.Unavailable[len(into.Unavailable)-1] != why {
			into.Unavailable = append(into.Unavailable, why)
		}
	}
	if len(from.Events) > 0 {
		into.Events = from.Events
	}
	if len(into.Packets) == 0 && from.Packets != nil {
		into.Packets = from.Packets
	}
	if from.Cycles > 0 {
		into.Calls, into.Cycles, into.Path, into.Callers = from.Calls, from.Cycles, from.Path, from.Callers
	}
}

// eventSum is how often an event was at both ends together; nil where neither end
// could count events.
func eventSum(e testbed.ModeEvidence, prefix string) *float64 {
	if len(e.Client.Events)+len(e.Server.Events) == 0 {
		return nil
	}
	sum := 0.0
	for _, end := range e.Both() {
		sum += sumOf(end.Events, prefix)
	}
	return &sum
}

// sumOf adds counts whose names begin alike, in the order of the names: a sum of
// floats depends on its order, and the same blocks have to give the same digits.
func sumOf(counts map[string]float64, prefix string) (sum float64) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if strings.HasPrefix(name, prefix) {
			sum += counts[name]
		}
	}
	return sum
}

// callsOf is how many calls a transaction makes at both ends.
func callsOf(b testbed.Block) *float64 {
	sum, cycles := 0.0, 0
	for _, end := range []*testbed.EndEvidence{b.Client, b.Server} {
		if end == nil {
			continue
		}
		cycles += end.Cycles
		sum += sumOf(end.Calls, "")
	}
	if cycles == 0 {
		return nil
	}
	return &sum
}

// tracedCalls is how many calls were traced in a transaction at both ends: those of the
// network stack's functions, or of all, where there are [testbed.EndEvidence.Callers].
func tracedCalls(b testbed.Block) *float64 {
	sum := 0.0
	for _, end := range []*testbed.EndEvidence{b.Client, b.Server} {
		if end == nil || end.Cycles == 0 {
			continue
		}
		for _, f := range end.Callers {
			sum += float64(f.Calls) / float64(end.Cycles)
		}
	}
	if sum == 0 {
		return callsOf(b)
	}
	return &sum
}

// callCost is what the probe costs: how much longer a traced transaction takes
// than a timed one, by the calls that were traced.
func callCost(b testbed.Block, calls *float64, m testbed.ModeResult) *float64 {
	if calls == nil || *calls == 0 || b.Mean == 0 || m.Mean.Estimate == nil {
		return nil
	}
	cost := (b.Mean - *m.Mean.Estimate) / *calls
	return &cost
}

// unprobed warns of modes whose probes broke down: what was timed stands, and what
// works is not known.
func (t *trial) unprobed() (warnings []string) {
	for _, s := range t.series {
		for _, b := range s.passes {
			if b.Status == testbed.StatusFailed && b.Pass == capabilityPass {
				warnings = append(warnings, fmt.Sprintf("%s: %s: what works in it was not probed: %s", t.title(), s.mode.Name, b.Reason))
			}
		}
	}
	return warnings
}

// capabilities are what was probed of a mode.
func (s *series) capabilities() []testbed.Capability {
	found := []testbed.Capability{}
	for _, b := range s.passes {
		found = append(found, b.Capabilities...)
	}
	return found
}

// readCapability is 1 where something works in a mode and 0 where it fails, by
// whichever test probed for it.
func (c *court) readCapability(m testbed.Metric) reading {
	names := []string{m.Name}
	if joint := testbed.JointCapabilities[m.Name]; joint != nil {
		names = joint
	}
	value := 1.0
	for _, name := range names {
		found := c.capability(m, name)
		switch {
		case found == nil:
			return unread("%s of %s was not probed", name, m.Mode)
		case found.Answer == testbed.Fails:
			value = 0
		case found.Answer != testbed.Works:
			return unread("%s of %s: %s", name, m.Mode, found.Observation)
		}
	}
	return reading{of: func([]int) float64 { return value }}
}

func (c *court) capability(m testbed.Metric, name string) *testbed.Capability {
	for _, test := range slices.Sorted(maps.Keys(c.trials)) {
		s := c.trials[test].named(m.Mode)
		if s == nil || m.Test != "" && m.Test != test {
			continue
		}
		for _, one := range s.capabilities() {
			if one.Name == name {
				return &one
			}
		}
	}
	return nil
}
