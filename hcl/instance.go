package hcl

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// instance is one of the things that a block stands for.
type instance struct {
	ref
	key   string // Of for_each.
	names names  // each or count, for the block's expressions.
}

// instances are what a block stands for: one thing, or as many as its count or
// for_each says.
func (s *scope) instances(b *blockSource) ([]instance, bool) {
	code := b.spec.name + "." + b.label
	if a := b.attributes["count"]; a != nil && b.spec.iterates == "count" {
		return s.counted(b, code, a)
	}
	if a := b.attributes["for_each"]; a != nil && b.spec.iterates == "for_each" {
		return s.forEach(b, code, a)
	}
	return []instance{{ref: ref{b.spec.name, b.label, code}}}, true
}

func (s *scope) counted(b *blockSource, code string, a *hclsyntax.Attribute) ([]instance, bool) {
	f := s.fields(b, nil, "count")
	if !f.ok("count") {
		return nil, false
	}
	if !f.set("count") {
		return nil, s.reject(a, "The count of vm.%s is null. Leave the argument out where there is one.", b.label)
	}
	var all []instance
	for i := range get[int](f, "count") {
		all = append(all, instance{
			ref:   ref{b.spec.name, fmt.Sprintf("%s-%d", b.label, i), fmt.Sprintf("%s[%d]", code, i)},
			names: names{"count": cty.ObjectVal(map[string]cty.Value{"index": cty.NumberIntVal(int64(i))})},
		})
	}
	return all, true
}

func (s *scope) forEach(b *blockSource, code string, a *hclsyntax.Attribute) ([]instance, bool) {
	over := s.eval(a.Expr, nil)
	if !over.ok {
		return nil, false
	}
	if !iterable(over.value) {
		return nil, s.reject(a, "for_each takes a list or set of texts, or a map, and %s.", describe(over.value))
	}
	var all []instance
	seen := map[string]bool{}
	mapped := over.value.Type().IsObjectType() || over.value.Type().IsMapType()
	for it := over.value.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if !mapped {
			key = value
		}
		name, ok := keyName(key)
		switch {
		case !ok:
			return nil, s.reject(a, "The elements of a for_each list are texts, for they name the instances, not %s. A map gives names to other values: { small = 1, large = 1000 }.", strings.TrimPrefix(describe(value), "this is "))
		case seen[name]:
			return nil, s.reject(a, "%q is in the list twice, and each element names an instance.", name)
		case b.spec == imageBlock && !versionName.MatchString(name):
			return nil, s.reject(a, "%q cannot be part of an image's name: letters, digits and . _ + ~ - can.", name)
		case b.spec != imageBlock && (!plainName.MatchString("x"+name) || name == ""):
			return nil, s.reject(a, "%q cannot be part of a name: letters, digits, underscores and hyphens can.", name)
		}
		seen[name] = true
		all = append(all, instance{
			ref:   ref{b.spec.name, b.label + "-" + name, fmt.Sprintf("%s[%q]", code, name)},
			key:   name,
			names: names{"each": cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(name), "value": value})},
		})
	}
	return all, true
}

func (s *scope) reject(a *hclsyntax.Attribute, detail string, args ...any) bool {
	s.source.out.errorf(a.Expr.Range(), "Bad "+a.Name, detail, args...)
	return false
}

func iterable(v cty.Value) bool {
	ty := v.Type()
	return !v.IsNull() && v.IsKnown() && (ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType())
}

func keyName(key cty.Value) (string, bool) {
	if key.IsNull() || !key.IsKnown() || !key.Type().IsPrimitiveType() {
		return "", false
	}
	text, err := convert.Convert(key, cty.String)
	if err != nil {
		return "", false
	}
	return text.AsString(), true
}

// elementRange is the place of one element of a list that is written out, or of
// the whole expression.
func elementRange(expr hcl.Expression, i, n int) hcl.Range {
	if list, is := expr.(*hclsyntax.TupleConsExpr); is && len(list.Exprs) == n {
		return list.Exprs[i].Range()
	}
	return expr.Range()
}
