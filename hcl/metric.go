package hcl

import (
	"maps"
	"math"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/testbed-lab/testbed/testbed"
)

// figures are a mode's own figures, and what ratio can compare.
var figures = []string{"p50", "p90", "p99", "p999", "mean", "rate"}

// counts are what a mode does a transaction, beside its figures.
var counts = []string{"instructions", "softirqs", "backlog", "calls"}

// metricNames are all functions that ask for something measured.
var metricNames = slices.Concat(figures, []string{"ratio"}, counts, []string{"capability"})

// metricFunctions are the functions of an expectation over one result. A metric
// that the result does not have is an unknown value, and HCL's operators then
// give what is certain all the same: true || unknown is true.
func (c *cellLoader) metricFunctions(lookup testbed.Lookup) map[string]function.Function {
	all := map[string]function.Function{
		"ratio":      c.ratio(lookup),
		"capability": c.capability(lookup),
	}
	for _, name := range slices.Concat(figures, counts) {
		all[name] = c.figure(name, lookup)
	}
	return all
}

// Parameters take any value, so that the words for a wrong one are ours.
var (
	testParam = function.Parameter{Name: "test", Type: cty.DynamicPseudoType}
	modeParam = function.Parameter{Name: "mode", Type: cty.DynamicPseudoType}
)

// figure is p50(test, mode) and its like.
func (c *cellLoader) figure(name string, lookup testbed.Lookup) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{testParam, modeParam},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if err := c.measured(args, 1); err != nil {
				return cty.NilVal, err
			}
			return number(lookup(testbed.Metric{Function: name, Test: asRef(args[0]).name, Mode: asRef(args[1]).name})), nil
		},
	})
}

// ratio is ratio(test, mode, base, "p50"), the paired estimator.
func (c *cellLoader) ratio(lookup testbed.Lookup) function.Function {
	base := function.Parameter{Name: "base", Type: cty.DynamicPseudoType}
	metric := function.Parameter{Name: "metric", Type: cty.String}
	return function.New(&function.Spec{
		Params: []function.Parameter{testParam, modeParam, base, metric},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if err := c.measured(args, 1, 2); err != nil {
				return cty.NilVal, err
			}
			name := args[3].AsString()
			if !slices.Contains(figures, name) {
				return cty.NilVal, function.NewArgErrorf(3, "there is no metric %q.%s It can be %s", name, suggest(name, figures), quoted(figures))
			}
			return number(lookup(testbed.Metric{
				Function: "ratio", Test: asRef(args[0]).name,
				Mode: asRef(args[1]).name, Base: asRef(args[2]).name, Name: name,
			})), nil
		},
	})
}

// capability is capability(test, mode, "name"); the test may be left out.
func (c *cellLoader) capability(lookup testbed.Lookup) function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "arguments", Type: cty.DynamicPseudoType},
		Type:     function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			m := testbed.Metric{Function: "capability"}
			if len(args) == 3 {
				if err := c.measured(args, 1); err != nil {
					return cty.NilVal, err
				}
				m.Test, args = asRef(args[0]).name, args[1:]
			}
			if len(args) != 2 || !isA(args[0], "mode") || args[1].Type() != cty.String {
				return cty.NilVal, function.NewArgErrorf(0, "the arguments are a mode and the name of a capability in quotes")
			}
			m.Mode, m.Name = asRef(args[0]).name, args[1].AsString()
			if known := capabilityNames(); !slices.Contains(known, m.Name) {
				return cty.NilVal, function.NewArgErrorf(len(args)-1, "there is no capability %q.%s It can be %s", m.Name, suggest(m.Name, known), quoted(known))
			}
			value, known := lookup(m)
			if !known {
				return cty.UnknownVal(cty.Bool), nil
			}
			return cty.BoolVal(value != 0), nil
		},
	})
}

// capabilityNames are those probed, and those of several together.
func capabilityNames() []string {
	names := slices.Sorted(maps.Keys(testbed.JointCapabilities))
	for _, one := range testbed.CapabilityNames {
		names = append(names, one.Name)
	}
	return names
}

func isA(v cty.Value, block string) bool {
	r := asRef(v)
	return r != nil && r.block == block
}

// measured checks that the first argument is a test, and that it measures the
// modes that the others name.
func (c *cellLoader) measured(args []cty.Value, modes ...int) error {
	if !isA(args[0], "test") {
		return function.NewArgErrorf(0, "%s, and the first argument is a test", describe(args[0]))
	}
	for _, arg := range modes {
		if !isA(args[arg], "mode") {
			return function.NewArgErrorf(arg, "%s, and a mode is needed here", describe(args[arg]))
		}
	}
	test := asRef(args[0])
	i := slices.IndexFunc(c.cell.Tests, func(t testbed.Test) bool { return t.Name == test.name })
	if i < 0 {
		return nil // The test has a mistake, which has been reported.
	}
	for _, arg := range modes {
		if m := asRef(args[arg]); !slices.Contains(c.cell.Tests[i].Modes, m.name) {
			return function.NewArgErrorf(arg, "%s does not measure %s. Add it to the modes of the test", test.code, m.code)
		}
	}
	return nil
}

func number(value float64, known bool) cty.Value {
	if !known || math.IsNaN(value) || math.IsInf(value, 0) {
		return cty.UnknownVal(cty.Number)
	}
	return cty.NumberFloatVal(value)
}

// evaluate gives an expression's value with functions on top of a context. Each
// call has a context of its own, so that many may run at once.
func evaluate(expr hcl.Expression, context *hcl.EvalContext, functions map[string]function.Function) (cty.Value, hcl.Diagnostics) {
	child := context.NewChild()
	child.Functions = functions
	return expr.Value(child)
}

func merged(a, b map[string]function.Function) map[string]function.Function {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
