package hcl

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/testbed-lab/testbed/testbed"
)

// expectations compiles the claims for one cell; each is checked there with all
// metrics unknown, which leaves types and references to go wrong.
func (c *cellLoader) expectations() []testbed.Predicate {
	first := c.lab.Expectations == nil
	var all []testbed.Predicate
	for _, b := range c.source.of(expectBlock) {
		f := c.scope.fields(b, nil)
		a := b.attributes["that"]
		if a == nil {
			continue
		}
		if first {
			c.lab.Expectations = append(c.lab.Expectations, c.expectation(b.label, get[string](f, "published"), a))
		}
		all = append(all, c.predicate(a))
	}
	return all
}

func (c *cellLoader) expectation(name, published string, a *hclsyntax.Attribute) testbed.Expectation {
	at := a.Expr.Range()
	return testbed.Expectation{
		Name:      name,
		Source:    string(at.SliceBytes(c.source.out.text)),
		Published: published,
		Range:     rangeOf(&at),
	}
}

// predicate is nil where the claim has a mistake.
func (c *cellLoader) predicate(a *hclsyntax.Attribute) testbed.Predicate {
	out := c.source.out
	unknown := c.metricFunctions(func(testbed.Metric) (float64, bool) { return 0, false })
	context, ok := c.scope.context(a.Expr, nil)
	if !checkCalls(a.Expr, merged(c.source.functions, unknown), out) || !ok {
		return nil
	}
	value, diags := evaluate(a.Expr, context, unknown)
	out.addAll(diags)
	switch {
	case diags.HasErrors():
		return nil
	case value.Type() != cty.Bool && value.Type() != cty.DynamicPseudoType, value.IsNull():
		out.errorf(a.Expr.Range(), "Not a claim", "What is expected is true or false, and %s. Compare it with something.", describe(value))
		return nil
	case value.IsKnown():
		d := diagnosticf(a.Expr.Range(), "Nothing to measure", "This is %t whatever is measured.", value.True())
		d.Severity = hcl.DiagWarning
		out.add(d)
	}
	return func(lookup testbed.Lookup) testbed.Truth {
		value, diags := evaluate(a.Expr, context, c.metricFunctions(lookup))
		return truth(value, diags)
	}
}

// truth is what a claim came to. What cannot be computed with the numbers that
// were measured, such as zero by zero, is not known.
func truth(value cty.Value, diags hcl.Diagnostics) testbed.Truth {
	switch {
	case diags.HasErrors() || value.IsNull() || !value.IsKnown() || value.Type() != cty.Bool:
		return testbed.Unknown
	case value.True():
		return testbed.True
	}
	return testbed.False
}
