package hcl

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// errReported marks a value whose fault has been reported at a place of its own.
var errReported = errors.New("reported")

// asRef converts to a reference to one of the blocks that an argument takes.
func (s *scope) asRef(a attribute, v cty.Value) (any, error) {
	r := asRef(v)
	switch {
	case r != nil && slices.Contains(a.to, r.block):
		return *r, nil
	case r != nil:
		return nil, problemf("%q takes %s, and %s is %s.", a.name, s.choice(a.to), r.code, article(r.block))
	}
	if several := s.several(a, v); several != "" {
		return nil, problem(several)
	}
	if v.Type() == cty.String {
		return nil, problem(s.unquote(a, v.AsString()))
	}
	return nil, problemf("%q takes %s, and %s.", a.name, s.choice(a.to), describe(v))
}

// choice is what may stand: "a vm or a machine, such as vm.client".
func (s *scope) choice(to []string) string {
	var kinds []string
	example := ""
	for _, root := range to {
		kinds = append(kinds, article(root))
		if all := s.declared(root); example == "" && len(all) > 0 {
			example = fmt.Sprintf(", such as %s.%s", root, all[len(all)-1])
		}
	}
	return enumerate(kinds, "or") + example
}

// several explains a list or map of blocks where one is needed.
func (s *scope) several(a attribute, v cty.Value) string {
	if v.IsNull() || !iterable(v) || v.LengthInt() == 0 {
		return ""
	}
	it := v.ElementIterator()
	it.Next()
	_, first := it.Element()
	r := asRef(first)
	if r == nil || !slices.Contains(a.to, r.block) {
		return ""
	}
	if knownList(v) {
		return fmt.Sprintf("%q takes one %s, and this is a list of %d. Did you mean %s?", a.name, r.block, v.LengthInt(), r.code)
	}
	return fmt.Sprintf("%q takes one %s, and this has one for each key. Did you mean %s?", a.name, r.block, r.code)
}

// unquote explains a name in quotes where a reference is needed.
func (s *scope) unquote(a attribute, written string) string {
	for _, root := range a.to {
		if slices.Contains(s.declared(root), written) {
			return fmt.Sprintf("%q takes a reference, not text. Write %s.%s without quotes.", a.name, root, written)
		}
	}
	return fmt.Sprintf("%q takes a reference, not text: %s.", a.name, s.choice(a.to))
}

// asRefs converts to a list of references; each bad element is reported at its
// own place.
func (s *scope) asRefs(a attribute, expr hcl.Expression, v evaluated) (any, error) {
	if !knownList(v.value) {
		return nil, problem(s.noList(a, v.value))
	}
	all := []refAt{}
	failed := false
	n, i := v.value.LengthInt(), 0
	for it := v.value.ElementIterator(); it.Next(); i++ {
		_, one := it.Element()
		at := elementRange(expr, i, n)
		r, err := s.element(a, one)
		if err == nil {
			all = append(all, refAt{r, at})
			continue
		}
		failed = true
		d := diagnosticf(at, "Bad "+a.name, "%s", err)
		d.Expression, d.EvalContext = expr, v.context
		s.source.out.add(d)
	}
	if failed {
		return nil, errReported
	}
	return all, nil
}

func (s *scope) noList(a attribute, v cty.Value) string {
	if r := asRef(v); r != nil {
		return fmt.Sprintf("%q takes a list. Write [%s].", a.name, r.code)
	}
	if !v.IsNull() && iterable(v) {
		return fmt.Sprintf("%q takes a list, and this has one for each key. Write values(…) around it.", a.name)
	}
	return fmt.Sprintf("%q takes a list in brackets, and %s.", a.name, describe(v))
}

func (s *scope) element(a attribute, v cty.Value) (ref, error) {
	if !v.IsNull() && iterable(v) && v.LengthInt() > 0 && s.several(a, v) != "" {
		it := v.ElementIterator()
		it.Next()
		_, first := it.Element()
		return ref{}, problemf("%q takes single ones, and this is several. Name one, such as %s, or all: concat([…], values(…)).", a.name, asRef(first).code)
	}
	r, err := s.asRef(a, v)
	if err != nil {
		return ref{}, err
	}
	return r.(ref), nil
}
