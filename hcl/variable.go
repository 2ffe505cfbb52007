package hcl

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variables gives each declared variable its value: from the command line, or
// its default.
func (s *source) variables(given map[string]string) {
	constant := newScope(s, nil)
	for _, b := range s.of(variableBlock) {
		constant.fields(b, nil) // The description: its mistakes are reported.
		s.vars[b.label] = s.variable(b, given)
	}
	declared := labels(s.of(variableBlock))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(declared, name) {
			s.commandLine("The lab declares no variable %q.%s", name, orList(suggest(name, declared), "It has ", declared))
		}
	}
}

// commandLine reports a mistake that is not in the file.
func (s *source) commandLine(detail string, args ...any) {
	d := diagnosticf(hcl.Range{}, "Bad --var", detail, args...)
	d.Subject = nil
	s.out.add(d)
}

func (s *source) variable(b *blockSource, given map[string]string) resolved {
	ty, ok := s.variableType(b)
	standard, okDefault := s.variableDefault(b)
	if !ok || !okDefault {
		return resolved{}
	}
	hasDefault := standard != cty.NilVal
	if ty == cty.NilType {
		ty = typeOfDefault(standard)
	}
	if hasDefault {
		value, err := convert.Convert(standard, ty)
		if err != nil {
			s.out.errorf(b.attributes["default"].Expr.Range(), "Bad default", "The default of %s is not of its type, %s: %s.", b.label, typeexpr.TypeString(ty), err)
			return resolved{}
		}
		standard = value
	}
	written, is := given[b.label]
	switch {
	case is:
		return s.fromCommandLine(b.label, ty, written)
	case hasDefault:
		return resolved{standard, true}
	}
	s.out.errorf(b.at(), "No value for the variable", "%s has no default, so it has to be given: --var %s=…", b.label, b.label)
	return resolved{}
}

func (s *source) variableType(b *blockSource) (cty.Type, bool) {
	a := b.attributes["type"]
	if a == nil {
		return cty.NilType, true
	}
	ty, diags := typeexpr.TypeConstraint(a.Expr)
	s.out.addAll(diags)
	return ty, !diags.HasErrors()
}

// variableDefault gives NilVal where there is none.
func (s *source) variableDefault(b *blockSource) (cty.Value, bool) {
	a := b.attributes["default"]
	if a == nil {
		return cty.NilVal, true
	}
	if used := a.Expr.Variables(); len(used) > 0 {
		s.out.errorf(used[0].SourceRange(), "Bad default", "The default of a variable is written out; it cannot use %s. A local can.", traversalText(used[0]))
		return cty.NilVal, false
	}
	v := newScope(s, nil).eval(a.Expr, nil)
	return v.value, v.ok
}

// typeOfDefault keeps --var cores=4 a number where the default is one.
func typeOfDefault(standard cty.Value) cty.Type {
	switch {
	case standard == cty.NilVal:
		return cty.String
	case standard.Type().IsPrimitiveType():
		return standard.Type()
	}
	return cty.DynamicPseudoType
}

// fromCommandLine reads a value: as it stands where text is wanted, else as an
// expression, so that lists can be given.
func (s *source) fromCommandLine(name string, ty cty.Type, written string) resolved {
	value := cty.StringVal(written)
	if !ty.IsPrimitiveType() {
		expr, diags := hclsyntax.ParseExpression([]byte(written), "--var "+name, hcl.InitialPos)
		if !diags.HasErrors() {
			value, diags = expr.Value(nil)
		}
		if diags.HasErrors() {
			s.commandLine("The value of %s cannot be read as %s: %s", name, typeexpr.TypeString(ty), diags[0].Detail)
			return resolved{}
		}
	}
	value, err := convert.Convert(value, ty)
	if err != nil {
		s.commandLine("The value of %s, %q, is not of its type, %s: %s.", name, written, typeexpr.TypeString(ty), err)
		return resolved{}
	}
	return resolved{value, true}
}
