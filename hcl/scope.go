package hcl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// node is something that an expression can name: local.x, vm.client.
type node struct{ root, name string }

func (n node) String() string { return n.root + "." + n.name }

// resolved is what a name stands for; not ok where why not has been reported.
type resolved struct {
	value cty.Value
	ok    bool
}

// scope evaluates expressions within one cell, or outside of all cells. Names
// are resolved when they are first used, so blocks may stand in any order.
type scope struct {
	source *source
	// cell has the matrix's values; nil outside of cells.
	cell  map[string]cty.Value
	known map[node]resolved
	path  []node // What is being resolved now: a name found in it is a cycle.
}

func newScope(s *source, cell map[string]cty.Value) *scope {
	return &scope{source: s, cell: cell, known: map[node]resolved{}}
}

// names are the values that stand for each and count inside of a block.
type names map[string]cty.Value

// evaluated is an expression's value, and what it was evaluated with.
type evaluated struct {
	resolved
	context *hcl.EvalContext
}

// eval gives an expression's value. Whatever is wrong has been reported when it
// is not ok.
func (s *scope) eval(expr hcl.Expression, extra names) evaluated {
	context, ok := s.context(expr, extra)
	if !checkCalls(expr, s.source.functions, s.source.out) || !ok {
		return evaluated{}
	}
	value, diags := expr.Value(context)
	s.source.out.addAll(diags)
	return evaluated{resolved{value, !diags.HasErrors()}, context}
}

// context resolves all that an expression mentions.
func (s *scope) context(expr hcl.Expression, extra names) (*hcl.EvalContext, bool) {
	found := map[string]map[string]cty.Value{}
	ok := true
	for _, traversal := range expr.Variables() {
		root := traversal.RootName()
		if value, is := extra[root]; is {
			found[root] = value.AsValueMap()
			continue
		}
		for _, name := range s.mentioned(traversal, &ok) {
			r := s.resolve(node{root, name}, traversal)
			ok = ok && r.ok && s.checkSteps(traversal, r.value)
			if found[root] == nil {
				found[root] = map[string]cty.Value{}
			}
			found[root][name] = r.value
		}
		if ok && found[root] == nil {
			found[root] = map[string]cty.Value{}
		}
	}
	context := &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: s.source.functions}
	for root, values := range found {
		if ok {
			context.Variables[root] = cty.ObjectVal(values)
		}
	}
	return context, ok
}

// roots are the names that a reference may begin with.
var roots = []string{"var", "local", "matrix", "image", "network", "vm", "machine", "mode", "test"}

// mentioned gives the names that a traversal needs: one, or all of its kind
// where it does not say which.
func (s *scope) mentioned(traversal hcl.Traversal, ok *bool) []string {
	root := traversal.RootName()
	if !slices.Contains(roots, root) {
		s.unknownRoot(traversal)
		*ok = false
		return nil
	}
	all := s.declared(root)
	if len(traversal) < 2 {
		return all
	}
	name, is := stepName(traversal[1])
	if !is {
		return all
	}
	if !slices.Contains(all, name) {
		s.unknownName(traversal, name, all)
		*ok = false
		return nil
	}
	return []string{name}
}

// stepName is the name in .name or ["name"].
func stepName(step hcl.Traverser) (string, bool) {
	switch step := step.(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

// declared are the names of a kind, in the file's order.
func (s *scope) declared(root string) []string {
	switch root {
	case "var":
		return labels(s.source.of(variableBlock))
	case "local":
		return slices.Sorted(maps.Keys(s.source.locals))
	case "matrix":
		return s.source.coordinates()
	case "mode":
		return append([]string{"host", "loopback"}, labels(s.source.of(modeBlock))...)
	}
	return labels(s.source.of(topLevel(root)))
}

func labels(blocks []*blockSource) []string {
	var all []string
	for _, b := range blocks {
		all = append(all, b.label)
	}
	return all
}

func (s *scope) unknownRoot(traversal hcl.Traversal) {
	at, root := traversal.SourceRange(), traversal.RootName()
	out := s.source.out
	switch {
	case root == "each":
		out.errorf(at, "Unknown name", "each.key and each.value are known inside of a block with for_each, and this has none.")
	case root == "count":
		out.errorf(at, "Unknown name", "count.index is known inside of a vm with a count, and this has none.")
	case s.owners(root) != nil:
		out.errorf(at, "Unknown name", "There is nothing called %s. Did you mean %s?", root, enumerate(s.owners(root), "or"))
	case len(traversal) == 1:
		out.errorf(at, "Unknown name", "There is nothing called %s. Text is written in quotes: %q.", root, root)
	default:
		out.errorf(at, "Unknown name", "There is nothing called %s.%s", root, orList(suggestCode("", root, roots), "A reference begins with one of ", roots))
	}
}

// owners are the references that end in a name: image.debian for debian.
func (s *scope) owners(name string) []string {
	var all []string
	for _, root := range roots {
		if slices.Contains(s.declared(root), name) && !(root == "mode" && builtin(name)) {
			all = append(all, root+"."+name)
		}
	}
	return all
}

func (s *scope) unknownName(traversal hcl.Traversal, name string, all []string) {
	at, root := traversal[:2].SourceRange(), traversal.RootName()
	detail := suggestCode(root+".", name, all)
	switch others := s.owners(name); {
	case detail != "":
	case len(others) > 0:
		detail = fmt.Sprintf(" Did you mean %s?", enumerate(others, "or"))
	case len(all) > 0:
		detail = fmt.Sprintf(" There is %s.", enumerate(prefixed(root+".", all), "and"))
	case root == "var":
		detail = fmt.Sprintf(" Declare it: variable %q { default = … }", name)
	default:
		detail = fmt.Sprintf(" The file declares no %s.", nameOf(root))
	}
	s.source.out.errorf(at, "Unknown "+nameOf(root), "There is no %s.%s.%s", root, name, detail)
}

func prefixed(prefix string, all []string) []string {
	var out []string
	for _, one := range all {
		out = append(out, prefix+one)
	}
	return out
}

func nameOf(root string) string {
	switch root {
	case "var":
		return "variable"
	case "matrix":
		return "matrix coordinate"
	}
	return root
}

// cycle reports that a name needs itself, and names the way round.
func (s *scope) cycle(n node, at hcl.Range) {
	begin := slices.Index(s.path, n)
	var way []string
	for _, step := range s.path[begin:] {
		way = append(way, step.String())
	}
	way = append(way, n.String())
	if len(way) == 2 {
		s.source.out.errorf(at, "Cycle", "%s uses itself.", n)
		return
	}
	s.source.out.errorf(at, "Cycle", "%s: each needs the next before it has a value.", strings.Join(way, " → "))
}
