package run

import (
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

// evidenceOf is what one end saw, per transaction, as the result has it.
func evidenceOf(e *proto.Evidence) *testbed.EndEvidence {
	if e == nil {
		return nil
	}
	seen := &testbed.EndEvidence{
		Unavailable: []string{}, Events: map[string]float64{}, Packets: map[string]testbed.PacketRate{},
		Calls: map[string]float64{}, Cycles: e.Cycles, Path: []testbed.Call{},
		Shared: e.Shared,
	}
	if e.Unavailable != "" {
		seen.Unavailable = append(seen.Unavailable, e.Unavailable)
	}
	if e.Transactions > 0 {
		each := func(n int64) float64 { return float64(n) / float64(e.Transactions) }
		for name, n := range e.Events {
			seen.Events[name] = each(n)
		}
		for device, p := range e.Packets {
			seen.Packets[device] = testbed.PacketRate{Received: each(p.Received), Sent: each(p.Sent)}
		}
	}
	for name, n := range e.Calls {
		seen.Calls[name] = n
	}
	for _, call := range e.Path {
		seen.Path = append(seen.Path, testbed.Call(call))
	}
	for _, frame := range e.Callers {
		seen.Callers = append(seen.Callers, testbed.Frame(frame))
	}
	return seen
}

func capabilitiesOf(found []proto.Capability) (all []testbed.Capability) {
	for _, one := range found {
		all = append(all, testbed.Capability(one))
	}
	return all
}

func leaksOf(machine string, found []proto.Leak) (all []testbed.Leak) {
	for _, one := range found {
		all = append(all, testbed.Leak{Machine: machine, Objects: one.Objects, Size: one.Size, Task: one.Task, Frames: append([]string{}, one.Frames...)})
	}
	return all
}
