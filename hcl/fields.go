package hcl

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// fields are the values of a block's arguments, converted, with defaults.
type fields struct {
	scope  *scope
	block  *blockSource
	values map[string]any  // Given and good, or the default.
	given  map[string]bool // Written in the file, and not null.
	bad    map[string]bool // Reported.
}

// ref and its place: one element of a list of references.
type refAt struct {
	ref
	at hcl.Range
}

// fields evaluates a block's arguments, or those named.
func (s *scope) fields(b *blockSource, extra names, only ...string) fields {
	f := fields{scope: s, block: b, values: map[string]any{}, given: map[string]bool{}, bad: map[string]bool{}}
	for _, a := range b.spec.attributes {
		if a.kind == expression || (len(only) > 0 && !slices.Contains(only, a.name)) {
			continue
		}
		f.evaluate(a, extra)
	}
	return f
}

func (f *fields) evaluate(a attribute, extra names) {
	syntax := f.block.attributes[a.name]
	if syntax == nil {
		f.values[a.name] = a.standard()
		f.bad[a.name] = a.required
		return
	}
	v := f.scope.eval(syntax.Expr, extra)
	switch {
	case !v.ok || !v.value.IsWhollyKnown():
		f.bad[a.name] = true
	case v.value.IsNull() && a.required:
		f.wrong(syntax, v.context, "%q is null, and %s block needs it.", a.name, article(f.block.spec.name))
	case v.value.IsNull():
		f.values[a.name] = a.standard()
	default:
		f.convert(a, syntax, v)
	}
}

func (f *fields) convert(a attribute, syntax *hclsyntax.Attribute, v evaluated) {
	var err error
	var value any
	switch a.kind {
	case reference:
		value, err = f.scope.asRef(a, v.value)
	case references:
		value, err = f.scope.asRefs(a, syntax.Expr, v)
	default:
		value, err = converters[a.kind](a, v.value)
	}
	if err != nil {
		if err != errReported {
			f.wrong(syntax, v.context, "%s", err)
		}
		f.bad[a.name] = true
		return
	}
	f.values[a.name], f.given[a.name] = value, true
}

// standard is the default: what it would be, had the file said it.
func (a attribute) standard() any {
	if a.fallback == "" || a.kind == references {
		return nil
	}
	expr, diags := hclsyntax.ParseExpression([]byte(a.fallback), "default", hcl.InitialPos)
	if diags.HasErrors() {
		panic("default of " + a.name + ": " + diags.Error())
	}
	literal, _ := expr.Value(nil)
	value, err := converters[a.kind](a, literal)
	if err != nil {
		panic("default of " + a.name + ": " + err.Error())
	}
	return value
}

// wrong reports a bad value, at the value.
func (f *fields) wrong(syntax *hclsyntax.Attribute, context *hcl.EvalContext, detail string, args ...any) {
	f.bad[syntax.Name] = true
	f.scope.source.out.valuef(syntax, context, "Bad "+syntax.Name, detail, args...)
}

// reject reports what is wrong with a value in view of the others. The argument
// may be missing: then the block is to blame.
func (f *fields) reject(name, summary, detail string, args ...any) {
	f.bad[name] = true
	f.scope.source.out.errorf(f.at(name), summary, detail, args...)
}

// at is the place of an argument's value, or of the block without one.
func (f *fields) at(name string) hcl.Range {
	if a := f.block.attributes[name]; a != nil {
		return a.Expr.Range()
	}
	return f.block.at()
}

// ok reports whether the arguments have values that can be used.
func (f *fields) ok(all ...string) bool {
	return !slices.ContainsFunc(all, func(n string) bool { return f.bad[n] })
}

func (f *fields) set(name string) bool { return f.given[name] }

// get is an argument's value; the zero value where it has none.
func get[T any](f fields, name string) T {
	value, _ := f.values[name].(T)
	return value
}

// optional is an argument's value, or nil.
func optional[T any](f fields, name string) *T {
	if value, is := f.values[name].(T); is {
		return &value
	}
	return nil
}

// valuef reports a bad value of an expression together with what it was
// evaluated with.
func (c *collector) valuef(a *hclsyntax.Attribute, context *hcl.EvalContext, summary, detail string, args ...any) {
	d := diagnosticf(a.Expr.Range(), summary, detail, args...)
	d.Expression, d.EvalContext = a.Expr, context
	c.add(d)
}

func knownList(v cty.Value) bool {
	return v.Type().IsTupleType() || v.Type().IsListType() || v.Type().IsSetType()
}
