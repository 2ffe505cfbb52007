package hcl

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/testbed-lab/testbed/testbed"
)

// source is a file's blocks, checked for shape: names, labels, duplicates.
type source struct {
	path   string
	out    *collector
	blocks []*blockSource
	locals map[string]*hclsyntax.Attribute
	vars   map[string]resolved
	lab    *testbed.Lab // As far as it is known.

	functions map[string]function.Function
}

// blockSource is one block of the file.
type blockSource struct {
	spec       *block
	syntax     *hclsyntax.Block
	label      string
	attributes map[string]*hclsyntax.Attribute
	inner      []*blockSource
	// void is a block whose name cannot be used, or is another's.
	void bool
}

func (b *blockSource) at() hcl.Range { return b.syntax.DefRange() }

// labelAt is the place of the label, or of the block's head without one.
func (b *blockSource) labelAt() hcl.Range {
	if len(b.syntax.LabelRanges) > 0 {
		return b.syntax.LabelRanges[0]
	}
	return b.at()
}

func newSource(body *hclsyntax.Body, path string, out *collector) *source {
	s := &source{
		path: path, out: out, locals: map[string]*hclsyntax.Attribute{}, vars: map[string]resolved{},
		lab: &testbed.Lab{}, functions: maps.Clone(labFunctions),
	}
	for _, a := range sortedAttributes(body) {
		out.errorf(a.NameRange, "Argument outside of a block", "%q stands outside of any block. A lab file holds blocks only; a value of your own belongs in a locals block.", a.Name)
	}
	for _, syntax := range body.Blocks {
		s.top(syntax)
	}
	s.unique()
	s.once()
	return s
}

func (s *source) top(syntax *hclsyntax.Block) {
	spec := topLevel(syntax.Type)
	if spec == nil {
		s.unknownBlock(syntax)
		return
	}
	b := s.block(spec, syntax)
	s.blocks = append(s.blocks, b)
	if spec == localsBlock {
		s.declareLocals(b)
	}
}

func (s *source) unknownBlock(syntax *hclsyntax.Block) {
	at := syntax.TypeRange
	for _, outer := range language {
		if outer.inner(syntax.Type) != nil {
			s.out.errorf(at, "Misplaced block", "%s block stands inside %s block.", capital(article(syntax.Type)), article(outer.name))
			return
		}
	}
	s.out.errorf(at, "Unknown block", "There is no block %q.%s", syntax.Type, orList(suggest(syntax.Type, topLevelNames()), "The blocks are ", topLevelNames()))
}

// orList is the suggestion, or else all there is.
func orList(suggestion, lead string, all []string) string {
	if suggestion != "" || len(all) == 0 {
		return suggestion
	}
	return " " + lead + enumerate(all, "and") + "."
}

// block checks a block's shape, and that of the blocks inside it.
func (s *source) block(spec *block, syntax *hclsyntax.Block) *blockSource {
	b := &blockSource{spec: spec, syntax: syntax, attributes: map[string]*hclsyntax.Attribute{}}
	s.checkLabels(b)
	for _, a := range sortedAttributes(syntax.Body) {
		if spec.free || spec.attribute(a.Name) != nil {
			b.attributes[a.Name] = a
			continue
		}
		s.unknownAttribute(b, a)
	}
	for _, inner := range syntax.Body.Blocks {
		if spec := spec.inner(inner.Type); spec != nil {
			s.addInner(b, s.block(spec, inner))
			continue
		}
		s.unknownInner(b, inner)
	}
	s.checkRequired(b)
	return b
}

func (s *source) addInner(b, inner *blockSource) {
	for _, other := range b.inner {
		if other.spec == inner.spec && inner.spec.once {
			s.out.errorf(inner.at(), "Duplicate block", "%s block has one %s block, and there is one at line %d.", capital(article(b.spec.name)), inner.spec.name, other.at().Start.Line)
			return
		}
	}
	b.inner = append(b.inner, inner)
}

func (s *source) unknownAttribute(b *blockSource, a *hclsyntax.Attribute) {
	name := b.spec.name
	if b.spec.inner(a.Name) != nil {
		s.out.errorf(a.NameRange, "Block expected", "%q is a block, not an argument: write %s { … } without the equals sign.", a.Name, a.Name)
		return
	}
	detail := suggest(a.Name, b.spec.words())
	switch {
	case a.Name == "count" && b.spec.iterates == "for_each":
		detail = " Use for_each; count belongs to vm."
	case a.Name == "for_each" && b.spec.iterates == "count":
		detail = " Use count for several machines that are alike; for_each belongs to image, mode and test."
	case a.Name == "count" || a.Name == "for_each":
		detail = " Each one is a block of its own."
	}
	s.out.errorf(a.NameRange, "Unknown argument", "%s block has no argument %q.%s", capital(article(name)), a.Name, orList(detail, "It has ", b.spec.words()))
}

func (s *source) unknownInner(b *blockSource, inner *hclsyntax.Block) {
	if b.spec.attribute(inner.Type) != nil || b.spec.free {
		s.out.errorf(inner.TypeRange, "Argument expected", "%q is an argument, not a block: write %s = ….", inner.Type, inner.Type)
		return
	}
	if topLevel(inner.Type) != nil {
		s.out.errorf(inner.TypeRange, "Misplaced block", "%s block stands by itself, not inside of %s block.", capital(article(inner.Type)), article(b.spec.name))
		return
	}
	s.out.errorf(inner.TypeRange, "Unknown block", "%s block has no block %q in it.%s", capital(article(b.spec.name)), inner.Type, suggest(inner.Type, b.spec.words()))
}

func (s *source) checkRequired(b *blockSource) {
	for _, a := range b.spec.attributes {
		if a.required && b.attributes[a.name] == nil && !b.has(a.name) {
			s.out.errorf(b.at(), "Missing argument "+a.name, "%s block needs %q: %s", capital(article(b.spec.name)), a.name, lower(strings.ReplaceAll(a.doc, "`", "")))
		}
	}
}

// has reports whether a block was written where the argument was meant, which
// has been reported.
func (b *blockSource) has(name string) bool {
	return slices.ContainsFunc(b.syntax.Body.Blocks, func(i *hclsyntax.Block) bool { return i.Type == name })
}

func (s *source) declareLocals(b *blockSource) {
	for _, a := range sortedAttributes(b.syntax.Body) {
		if first := s.locals[a.Name]; first != nil {
			s.out.errorf(a.NameRange, "Duplicate local", "local.%s has a value already, at line %d.", a.Name, first.NameRange.Start.Line)
			continue
		}
		s.locals[a.Name] = a
	}
}

func sortedAttributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	var all []*hclsyntax.Attribute
	for _, a := range body.Attributes {
		all = append(all, a)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].SrcRange.Start.Byte < all[j].SrcRange.Start.Byte })
	return all
}
