package hcl

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/testbed-lab/testbed/testbed"
)

// maxCells is more than anybody waits for; a product of lists that is larger is
// a slip.
const maxCells = 1000

// coordinates are the names that the matrix declares, in its order.
func (s *source) coordinates() []string {
	var names []string
	for _, b := range s.of(matrixBlock) {
		for _, a := range sortedAttributes(b.syntax.Body) {
			names = append(names, a.Name)
		}
	}
	return names
}

// combination is a cell before its blocks are read.
type combination struct {
	values      map[string]cty.Value
	coordinates []testbed.Coordinate
}

// combinations are the cells in declared order: the last coordinate changes
// fastest. A lab without a matrix has one, without coordinates; so has one with
// a mistake in the matrix, and what reads it there is not evaluated.
func (s *source) combinations() []combination {
	none := []combination{{values: map[string]cty.Value{}}}
	cells, ok := none, true
	for _, b := range s.of(matrixBlock) {
		for _, a := range sortedAttributes(b.syntax.Body) {
			values := s.coordinate(a)
			switch {
			case len(values) == 0:
				ok = false
			case len(cells)*len(values) > maxCells:
				s.out.errorf(b.at(), "Too many cells", "The combinations of the matrix are more than %d.", maxCells)
				return none
			default:
				cells = multiply(cells, a.Name, values)
			}
		}
	}
	if !ok {
		return none
	}
	return cells
}

func multiply(cells []combination, name string, values []cty.Value) []combination {
	var all []combination
	for _, c := range cells {
		for _, v := range values {
			next := combination{values: map[string]cty.Value{name: v}}
			for k, old := range c.values {
				next.values[k] = old
			}
			next.coordinates = append(append([]testbed.Coordinate{}, c.coordinates...), testbed.Coordinate{Name: name, Value: printed(v)})
			all = append(all, next)
		}
	}
	return all
}

// coordinate gives one coordinate's values, none where they are wrong.
func (s *source) coordinate(a *hclsyntax.Attribute) []cty.Value {
	if !s.matrixMay(a.Expr) {
		return nil
	}
	list := newScope(s, nil).eval(a.Expr, nil)
	at := a.Expr.Range()
	switch {
	case !list.ok:
		return nil
	case list.value.IsNull() || !knownList(list.value):
		s.out.errorf(at, "Bad coordinate", "A coordinate is a list of values in brackets, and %s.", describe(list.value))
		return nil
	case list.value.LengthInt() == 0:
		s.out.errorf(at, "Bad coordinate", "The list is empty, so there is no cell at all.")
		return nil
	}
	var values []cty.Value
	seen := map[string]bool{}
	n, i := list.value.LengthInt(), 0
	for it := list.value.ElementIterator(); it.Next(); i++ {
		_, v := it.Element()
		if seen[printed(v)] {
			s.out.errorf(elementRange(a.Expr, i, n), "Bad coordinate", "%s is in the list twice; cells are told apart by what they print.", display(v))
			return nil
		}
		seen[printed(v)] = true
		values = append(values, v)
	}
	return values
}

// matrixMay refuses what has a value within a cell only.
func (s *source) matrixMay(expr hcl.Expression) bool {
	for _, traversal := range expr.Variables() {
		switch root := traversal.RootName(); root {
		case "vm", "machine", "mode", "test":
			s.out.errorf(traversal.SourceRange(), "Bad coordinate", "The matrix comes before the cells, and %s belongs to one. Its values may use var, local, image and network.", article(root))
			return false
		}
	}
	return true
}

// printed is a value as results show it: a block's name, or the value itself.
func printed(v cty.Value) string {
	if r := asRef(v); r != nil {
		return r.name
	}
	if !v.IsNull() && v.Type().IsPrimitiveType() {
		if text, err := convert.Convert(v, cty.String); err == nil {
			return text.AsString()
		}
	}
	return expressionText(v)
}

// expressionText is a value as it would be written in a file.
func expressionText(v cty.Value) string {
	if r := asRef(v); r != nil {
		return r.code
	}
	if v.IsNull() {
		return "null"
	}
	if v.CanIterateElements() {
		return collectionText(v)
	}
	if v.Type() == cty.String && v.IsKnown() {
		return strconv.Quote(v.AsString())
	}
	if text, err := ctyjson.Marshal(v, v.Type()); err == nil {
		return string(text)
	}
	return v.Type().FriendlyName()
}

func collectionText(v cty.Value) string {
	var parts []string
	for it := v.ElementIterator(); it.Next(); {
		key, one := it.Element()
		if knownList(v) {
			parts = append(parts, expressionText(one))
		} else {
			parts = append(parts, key.AsString()+" = "+expressionText(one))
		}
	}
	if knownList(v) {
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}
