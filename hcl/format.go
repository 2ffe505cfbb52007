package hcl

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays a lab file out in the one way that testbed fmt writes: blanks,
// indents and aligned equals signs. Words, order, comments and empty lines stay.
// Text that is not HCL gives nil and the reason; mistakes of meaning do not
// matter here. Formatting twice changes nothing more.
func Format(text []byte, path string) ([]byte, *Diagnostics) {
	if len(text) > maxSize {
		return nil, unreadable(path, fmt.Sprintf("%s has %d bytes; a lab has at most %d.", path, len(text), maxSize))
	}
	out := newCollector(path, text)
	_, diags := hclsyntax.ParseConfig(text, path, hcl.InitialPos)
	if diags.HasErrors() {
		out.addAll(syntaxErrors(diags))
		return nil, out.diagnostics()
	}
	return settle(text), out.diagnostics()
}

// settle formats until nothing changes: hclwrite takes two turns where blanks
// stand on a line of their own.
func settle(text []byte) []byte {
	for range 5 {
		next := hclwrite.Format(text)
		if len(next) > 0 && !bytes.HasSuffix(next, []byte("\n")) {
			next = append(next, '\n')
		}
		if bytes.Equal(next, text) {
			break
		}
		text = next
	}
	return text
}
