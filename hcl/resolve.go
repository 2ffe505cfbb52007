package hcl

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// resolve gives what a declared name stands for.
func (s *scope) resolve(n node, mention hcl.Traversal) resolved {
	if r, is := s.known[n]; is {
		return r
	}
	if slices.Contains(s.path, n) {
		s.cycle(n, mention.SourceRange())
		return resolved{}
	}
	s.path = append(s.path, n)
	r := s.compute(n, mention)
	s.path = s.path[:len(s.path)-1]
	s.known[n] = r
	return r
}

func (s *scope) compute(n node, mention hcl.Traversal) resolved {
	switch n.root {
	case "var":
		return s.source.vars[n.name]
	case "local":
		return s.eval(s.source.locals[n.name].Expr, nil).resolved
	case "matrix":
		return s.coordinate(n.name, mention.SourceRange())
	}
	if n.root == "mode" && builtin(n.name) {
		return resolved{ref{"mode", n.name, "mode." + n.name}.value(), true}
	}
	return s.blockValue(s.source.find(n.root, n.name))
}

func (s *scope) coordinate(name string, at hcl.Range) resolved {
	value, is := s.cell[name]
	if s.cell == nil {
		s.source.out.errorf(at, "No cell here", "matrix.%s has a value within a cell only. The lab, its images and the matrix itself are the same in all cells. Where kernels or command lines differ, declare an image for each and list them in the matrix.", name)
	}
	return resolved{value, is}
}

// blockValue is a block as a value: a reference, a list of them where it has a
// count, a map where it has for_each.
func (s *scope) blockValue(b *blockSource) resolved {
	instances, ok := s.instances(b)
	if !ok {
		return resolved{}
	}
	switch {
	case b.attributes["count"] != nil && b.spec.iterates == "count":
		var all []cty.Value
		for _, i := range instances {
			all = append(all, i.ref.value())
		}
		return resolved{cty.TupleVal(all), true}
	case b.attributes["for_each"] != nil && b.spec.iterates == "for_each":
		all := map[string]cty.Value{}
		for _, i := range instances {
			all[i.key] = i.ref.value()
		}
		return resolved{cty.ObjectVal(all), true}
	}
	return resolved{instances[0].ref.value(), true}
}

// checkSteps looks at what follows a name, such as [0] in vm.client[0]: the
// mistakes people make there deserve better words than HCL has for them.
func (s *scope) checkSteps(traversal hcl.Traversal, value cty.Value) bool {
	if len(traversal) < 3 {
		return true
	}
	if !isBlock(traversal.RootName()) {
		return true
	}
	code := traversalText(traversal[:2])
	index, isIndex := traversal[2].(hcl.TraverseIndex)
	detail := ""
	switch r := asRef(value); {
	case r != nil && isIndex:
		detail = fmt.Sprintf("%s is one %s, not several. Write %s.", r.code, r.block, r.code)
	case r != nil:
		detail = fmt.Sprintf("%s stands for the block itself; what is in it cannot be read. A value that is needed twice belongs in a locals block.", r.code)
	case isIndex && value.Type().IsTupleType():
		detail = badCount(code, index.Key, value)
	case isIndex && value.Type().IsObjectType():
		detail = badKey(code, index.Key, value)
	}
	if detail != "" {
		s.source.out.errorf(traversal.SourceRange(), "No such thing", "%s", detail)
	}
	return detail == ""
}

func isBlock(root string) bool {
	_, is := refTypes[root]
	return is
}

func badCount(code string, key, value cty.Value) string {
	if key.Type() != cty.Number || value.HasIndex(key).True() {
		return ""
	}
	n := value.LengthInt()
	if n == 1 {
		return fmt.Sprintf("%s has a count of 1, so there is %s[0] only.", code, code)
	}
	return fmt.Sprintf("%s has a count of %d: %s[0] to %s[%d].", code, n, code, code, n-1)
}

func badKey(code string, key, value cty.Value) string {
	if key.Type() != cty.String || value.Type().HasAttribute(key.AsString()) {
		return ""
	}
	var all []string
	for it := value.ElementIterator(); it.Next(); {
		k, _ := it.Element()
		all = append(all, k.AsString())
	}
	if len(all) == 0 {
		return fmt.Sprintf("The for_each of %s is empty.", code)
	}
	hint := fmt.Sprintf(" There is %s.", quoted(all))
	if near := nearest(key.AsString(), all); near != "" {
		hint = fmt.Sprintf(" Did you mean %s[%q]?", code, near)
	}
	return fmt.Sprintf("%s has no %q.%s", code, key.AsString(), hint)
}
