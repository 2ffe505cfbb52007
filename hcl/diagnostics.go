package hcl

import (
	"fmt"
	"sort"

	"github.com/hashicorp/hcl/v2"

	"github.com/testbed-lab/testbed/testbed"
)

// Severity says whether a lab with such a diagnostic can run.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is one mistake, and the place of it.
type Diagnostic struct {
	Severity Severity      `json:"severity"`
	Summary  string        `json:"summary"` // A few words.
	Detail   string        `json:"detail"`  // Whole sentences, with the remedy.
	Range    testbed.Range `json:"range"`   // Zero where no place in the file is to blame.
}

// Diagnostics are all that is to be said about a file, by place. The zero
// value, and nil, have nothing to say.
type Diagnostics struct {
	list hcl.Diagnostics
	path string
	text []byte
}

// HasErrors reports whether one of them is an error.
func (d *Diagnostics) HasErrors() bool { return d != nil && d.list.HasErrors() }

// Len is the number of diagnostics.
func (d *Diagnostics) Len() int {
	if d == nil {
		return 0
	}
	return len(d.list)
}

// List is the diagnostics as data.
func (d *Diagnostics) List() []Diagnostic {
	if d == nil {
		return nil
	}
	var list []Diagnostic
	for _, one := range d.list {
		list = append(list, Diagnostic{
			Severity: severity(one),
			Summary:  one.Summary,
			Detail:   one.Detail,
			Range:    rangeOf(one.Subject),
		})
	}
	return list
}

func severity(d *hcl.Diagnostic) Severity {
	if d.Severity == hcl.DiagWarning {
		return Warning
	}
	return Error
}

func rangeOf(r *hcl.Range) testbed.Range {
	if r == nil {
		return testbed.Range{}
	}
	return testbed.Range{
		File:      r.Filename,
		StartLine: r.Start.Line, StartColumn: r.Start.Column, StartByte: r.Start.Byte,
		EndLine: r.End.Line, EndColumn: r.End.Column, EndByte: r.End.Byte,
	}
}

// collector gathers what is wrong with a file.
type collector struct {
	path  string
	text  []byte
	wrong hcl.Diagnostics
	seen  map[string]bool
}

func newCollector(path string, text []byte) *collector {
	return &collector{path: path, text: text, seen: map[string]bool{}}
}

func (c *collector) errorf(at hcl.Range, summary, detail string, args ...any) {
	c.add(diagnosticf(at, summary, detail, args...))
}

func diagnosticf(at hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(detail, args...),
		Subject:  &at,
	}
}

func (c *collector) addAll(diags hcl.Diagnostics) {
	for _, d := range diags {
		c.add(d)
	}
}

// add keeps a diagnostic unless the same was said of the same place before:
// cells of a matrix and instances of a block repeat the mistakes of their text.
func (c *collector) add(d *hcl.Diagnostic) {
	if c.first(d) {
		c.wrong = append(c.wrong, d)
	}
}

func (c *collector) first(d *hcl.Diagnostic) bool {
	key := d.Summary + "\x00"
	if d.Subject != nil {
		key += d.Subject.String()
	} else {
		key += d.Detail
	}
	if c.seen[key] {
		return false
	}
	c.seen[key] = true
	return true
}

func (c *collector) failed() bool { return c.wrong.HasErrors() }

func (c *collector) diagnostics() *Diagnostics { return c.sorted(c.wrong) }

func (c *collector) sorted(list hcl.Diagnostics) *Diagnostics {
	sort.SliceStable(list, func(i, j int) bool { return start(list[i]) < start(list[j]) })
	return &Diagnostics{list: list, path: c.path, text: c.text}
}

func start(d *hcl.Diagnostic) int {
	if d.Subject == nil {
		return -1
	}
	return d.Subject.Start.Byte
}
