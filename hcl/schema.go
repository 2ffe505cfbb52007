package hcl

// kind is what an attribute's value has to be.
type kind string

// The kinds. The text is what the documentation calls them.
const (
	text       kind = "text"
	textList   kind = "list of texts"
	textMap    kind = "map of texts"
	integer    kind = "whole number"
	decimal    kind = "number"
	boolean    kind = "true or false"
	duration   kind = "duration"
	memory     kind = "memory size"
	percent    kind = "percentage"
	subnet     kind = "IPv4 subnet"
	address    kind = "IPv4 address"
	file       kind = "path"
	mirrorURL  kind = "URL"
	libvirtURI kind = "libvirt URI"
	suite      kind = "Debian suite"
	reference  kind = "reference"
	references kind = "list of references"
	expression kind = "expression"

	// Limits that "off" takes away.
	shareLimit    kind = "percentage, or `\"off\"`"
	countLimit    kind = "whole number, or `\"off\"`"
	durationLimit kind = "duration, or `\"off\"`"
)

// attribute is one argument of a block.
type attribute struct {
	name     string
	kind     kind
	required bool
	fallback string   // The default as it would be written. Optional.
	oneOf    []string // The only values allowed. Optional.
	min, max int      // For whole numbers. Both 0: any.
	to       []string // Blocks that a reference may name.
	only     []string // Kinds of mode that take it. Empty: all.
	doc      string
}

// block is one kind of block.
type block struct {
	name       string
	label      string // What its label is called. Empty: it has none.
	doc        string
	attributes []attribute
	blocks     []*block // Blocks inside it.
	once       bool     // At most one a file, or in the block around it.
	free       bool     // The user names the attributes.
	iterates   string   // "for_each" or "count", or empty.
}

// language is every block of a lab file, in the order of the documentation.
var language = []*block{
	labBlock, imageBlock, networkBlock, vmBlock, machineBlock, modeBlock, testBlock,
	matrixBlock, expectBlock, variableBlock, localsBlock,
}

// attribute gives the attribute of that name, or nil.
func (b *block) attribute(name string) *attribute {
	for i := range b.attributes {
		if b.attributes[i].name == name {
			return &b.attributes[i]
		}
	}
	return nil
}

func (b *block) inner(name string) *block {
	for _, one := range b.blocks {
		if one.name == name {
			return one
		}
	}
	return nil
}

// words are the names that may stand in the block.
func (b *block) words() []string {
	var words []string
	for _, a := range b.attributes {
		words = append(words, a.name)
	}
	for _, one := range b.blocks {
		words = append(words, one.name)
	}
	return words
}

func topLevel(name string) *block {
	for _, one := range language {
		if one.name == name {
			return one
		}
	}
	return nil
}

func topLevelNames() []string {
	var names []string
	for _, one := range language {
		names = append(names, one.name)
	}
	return names
}

// forEach and count are attributes that many blocks share.
func forEach() attribute {
	return attribute{name: "for_each", kind: expression,
		doc: "One instance for each element of a list or set of texts, or of a map; `each.key` and `each.value` in the block."}
}
