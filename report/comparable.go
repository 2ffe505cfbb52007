package report

import (
	"fmt"
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

// Common is a thing that two results have to have in common, or their figures are not of
// one kind.
type Common struct {
	What  string `json:"what"`
	Value string `json:"value"`
}

// RigOf is what a cell of a result was measured on. Counts are of no node, and results of
// before there were names of none that is known.
func RigOf(r testbed.Result, cell map[string]string) []Common {
	at := placeOf(r, cell)
	rig := []Common{{"backend", r.Backend}, {"accelerator", r.Accelerator}, {"QEMU", at.qemu}}
	if at.cpu != "" {
		rig = append(rig, Common{"CPU model of the host", at.cpu})
	}
	if at.node != "" {
		rig = append(rig, Common{"node", at.node})
	}
	for _, m := range r.Environment.Machines {
		what := "CPU model of " + m.Name
		if within(m.Cell, cell) && !slices.ContainsFunc(rig, func(c Common) bool { return c.What == what }) {
			rig = append(rig, Common{what, factText(m.Facts["cpu_model"])})
		}
	}
	return rig
}

// ConditionsOf are what a test does in each of its modes.
func ConditionsOf(t testbed.TestResult) []Common {
	conditions := []Common{
		{"protocol", t.Protocol}, {"engine", t.Engine}, {"size", fmt.Sprintf("%d/%d B", t.Request, t.Response)},
		{"load", jsonText(t.Load)}, {"settings", jsonText(t.Settings)},
	}
	if t.Unit == testbed.UnitInstructions {
		conditions = append(conditions, Common{"length", blockLength(t.Block)})
	}
	return conditions
}

// KernelsOf lists the kernels of the machines in the cells with some coordinates,
// sorted, each once.
func KernelsOf(r testbed.Result, cell map[string]string) []string {
	r.Environment.Machines = slices.DeleteFunc(slices.Clone(r.Environment.Machines), func(m testbed.MachineEnvironment) bool {
		return !within(m.Cell, cell)
	})
	return append([]string{}, kernelsOf(r)...)
}

// uncommon says where two differ in a thing that both have.
func uncommon(base, other []Common, text func(what, was, is string) string) (reasons []string) {
	for _, b := range base {
		i := slices.IndexFunc(other, func(n Common) bool { return n.What == b.What })
		if i >= 0 && other[i].Value != b.Value {
			reasons = append(reasons, text(b.What, firstOf(b.Value, "none"), firstOf(other[i].Value, "none")))
		}
	}
	return reasons
}
