package hcl

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// labFunctions are cty's standard functions, under the names that other HCL
// languages give them. A file has kernels() beside them.
var labFunctions = map[string]function.Function{
	"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc,
	"log": stdlib.LogFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
	"parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc, "signum": stdlib.SignumFunc,

	"chomp": stdlib.ChompFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
	"indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "lower": stdlib.LowerFunc,
	"regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc, "regexreplace": stdlib.RegexReplaceFunc,
	"replace": stdlib.ReplaceFunc, "split": stdlib.SplitFunc, "strlen": stdlib.StrlenFunc,
	"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc,
	"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc,
	"trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,

	"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
	"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
	"distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
	"keys": stdlib.KeysFunc, "length": stdlib.LengthFunc, "lookup": stdlib.LookupFunc,
	"merge": stdlib.MergeFunc, "range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc,
	"setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc,
	"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc,
	"sort": stdlib.SortFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,

	"csvdecode": stdlib.CSVDecodeFunc, "jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,

	"tobool": stdlib.MakeToFunc(cty.Bool), "tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
	"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)), "tonumber": stdlib.MakeToFunc(cty.Number),
	"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), "tostring": stdlib.MakeToFunc(cty.String),

	"can": tryfunc.CanFunc, "try": tryfunc.TryFunc,
}

// largest is the largest number that a lab may write. HCL takes exponents of
// any size, and printing such a number takes as much memory as it has digits.
const largest = 1e30

// checkCalls reports calls of functions that do not exist, and numbers that
// nothing here can mean, before the expression is evaluated.
func checkCalls(expr hcl.Expression, known map[string]function.Function, out *collector) bool {
	syntax, is := expr.(hclsyntax.Expression)
	if !is {
		return true
	}
	ok := true
	_ = hclsyntax.VisitAll(syntax, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			if _, is := known[n.Name]; !is {
				unknownFunction(n, known, out)
				ok = false
			}
		case *hclsyntax.LiteralValueExpr:
			if !sane(n.Val) {
				out.errorf(n.Range(), "Number too large", "No number in a lab is as large or has as many digits.")
				ok = false
			}
		}
		return nil
	})
	return ok
}

func sane(v cty.Value) bool {
	if v.Type() != cty.Number || v.IsNull() || !v.IsKnown() {
		return true
	}
	f := v.AsBigFloat()
	if f.Sign() == 0 {
		return true
	}
	size, _ := f.Float64()
	return size < largest && size > -largest && (size > 1/largest || size < -1/largest)
}

func unknownFunction(call *hclsyntax.FunctionCallExpr, known map[string]function.Function, out *collector) {
	if slices.Contains(metricNames, call.Name) {
		out.errorf(call.NameRange, "No metrics here", "%s() is known in an expect block only: nothing has been measured when the rest of the lab is read.", call.Name)
		return
	}
	all := slices.Sorted(maps.Keys(known))
	out.errorf(call.NameRange, "Unknown function", "There is no function %s().%s", call.Name, suggestCode("", call.Name, all))
}
