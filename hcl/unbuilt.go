package hcl

import (
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// noteUnbuilt keeps what the file asks for and this version cannot do yet.
func (f *fields) noteUnbuilt(a attribute, syntax *hclsyntax.Attribute, value any) {
	out, at := f.scope.source.out, syntax.Expr.Range()
	switch {
	case a.unbuilt && !reflect.DeepEqual(value, a.standard()):
		out.unbuiltf(at, "%q in %s block is not built yet.%s", a.name, article(f.block.spec.name), leaveOut(a))
	case a.built != nil && !slices.Contains(a.built, value.(string)):
		out.unbuiltf(at, "%s %q is not built yet; built %s.", capital(a.name), value, areBuilt(a.built))
	}
}

func leaveOut(a attribute) string {
	if a.fallback == "" || a.fallback == "false" || a.fallback == "0" {
		return " Leave it out."
	}
	return " Leave it out, or write " + a.fallback + "."
}

func areBuilt(built []string) string {
	var q []string
	for _, b := range built {
		q = append(q, `"`+b+`"`)
	}
	if len(q) == 1 {
		return "is " + q[0]
	}
	return "are " + enumerate(q, "and")
}
