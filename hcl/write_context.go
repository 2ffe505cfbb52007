package hcl

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// blockNames gives a function that names the block a place is in, such as
// `, in vm "client"`.
func (d *Diagnostics) blockNames() func(hcl.Pos) string {
	file, _ := hclsyntax.ParseConfig(d.text, d.path, hcl.InitialPos)
	if file == nil {
		return func(hcl.Pos) string { return "" }
	}
	return func(at hcl.Pos) string {
		blocks := file.BlocksAtPos(at)
		if len(blocks) == 0 {
			return ""
		}
		name := []string{blocks[0].Type}
		for _, label := range blocks[0].Labels {
			name = append(name, strconv.Quote(label))
		}
		return ", in " + strings.Join(name, " ")
	}
}

// writeValues tells what the names in an expression stood for, where the same
// text is evaluated with different values.
func writeValues(page *bytes.Buffer, d *hcl.Diagnostic) {
	if d.Expression == nil || d.EvalContext == nil {
		return
	}
	var lines []string
	for _, traversal := range d.Expression.Variables() {
		if !slices.Contains([]string{"var", "local", "each", "count", "matrix"}, traversal.RootName()) {
			continue
		}
		value, diags := traversal.TraverseAbs(d.EvalContext)
		if diags.HasErrors() || !value.IsWhollyKnown() {
			continue
		}
		line := fmt.Sprintf("  with %s = %s\n", traversalText(traversal), display(value))
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(page, "%s\n", strings.Join(lines, ""))
	}
}

// traversalText is a traversal as it is written.
func traversalText(traversal hcl.Traversal) string {
	var b strings.Builder
	for _, step := range traversal {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(step.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + step.Name)
		case hcl.TraverseIndex:
			b.WriteString("[" + display(step.Key) + "]")
		}
	}
	return b.String()
}

// display is a value as it would be written, shortened where it is long.
func display(value cty.Value) string {
	text := expressionText(value)
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:59]) + "…"
	}
	return text
}
