package hcl

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	wordwrap "github.com/mitchellh/go-wordwrap"
	"golang.org/x/text/width"
)

// Write draws the diagnostics for a person: each with its place, the line of
// the file, the mistake underlined, and what to do. Columns are counted in
// characters from 1. Sentences are wrapped at width; 0 does not wrap.
func (d *Diagnostics) Write(w io.Writer, width int, color bool) error {
	if d == nil {
		return nil
	}
	var page bytes.Buffer
	within := d.blockNames()
	for i, one := range d.list {
		if i > 0 {
			page.WriteByte('\n')
		}
		d.write(&page, one, within, width, color)
	}
	_, err := w.Write(page.Bytes())
	return err
}

func (d *Diagnostics) write(page *bytes.Buffer, one *hcl.Diagnostic, within func(hcl.Pos) string, width int, color bool) {
	paint := painter(one.Severity, color)
	name := map[Severity]string{Error: "Error", Warning: "Warning"}[severity(one)]
	fmt.Fprintf(page, "%s: %s\n\n", paint(name), one.Summary)
	if one.Subject != nil {
		fmt.Fprintf(page, "  %s:%d:%d%s\n", one.Subject.Filename, one.Subject.Start.Line, one.Subject.Start.Column, within(one.Subject.Start))
		d.quote(page, *one.Subject, paint)
		page.WriteByte('\n')
	}
	writeValues(page, one)
	detail := one.Detail
	if width > 0 {
		detail = wordwrap.WrapString(detail, uint(width))
	}
	fmt.Fprintf(page, "%s\n", detail)
}

func painter(s hcl.DiagnosticSeverity, color bool) func(string) string {
	code := "\x1b[1;31m"
	if s == hcl.DiagWarning {
		code = "\x1b[1;33m"
	}
	if !color {
		return func(s string) string { return s }
	}
	return func(s string) string { return code + s + "\x1b[0m" }
}

// quote shows the first line of a range with the range underlined.
func (d *Diagnostics) quote(page *bytes.Buffer, at hcl.Range, paint func(string) string) {
	line, begin := lineAt(d.text, at.Start.Byte)
	before := line[:at.Start.Byte-begin]
	end := min(max(at.End.Byte-begin, len(before)), len(line))
	underline := strings.Repeat("^", max(1, columns(line[len(before):end])))
	number := fmt.Sprintf("%4d", at.Start.Line)
	fmt.Fprintln(page, strings.TrimRight(number+" │ "+printable(line), " "))
	fmt.Fprintf(page, "%s │ %s%s\n", strings.Repeat(" ", len(number)), blank(before), paint(underline))
}

// lineAt gives the line that holds a byte, and where it begins.
func lineAt(text []byte, at int) (string, int) {
	at = min(at, len(text))
	begin := bytes.LastIndexByte(text[:at], '\n') + 1
	end := len(text)
	if i := bytes.IndexByte(text[begin:], '\n'); i >= 0 {
		end = begin + i
	}
	return string(text[begin:max(at, end)]), begin
}

// blank is as wide as the text, with its tabs, so that what follows stands
// below what followed the text.
func blank(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteString(strings.Repeat(" ", cells(r)))
		}
	}
	return b.String()
}

func columns(text string) int {
	n := 0
	for _, r := range text {
		n += cells(r)
	}
	return n
}

// cells is how many columns of a terminal a character takes.
func cells(r rune) int {
	switch {
	case r == '\t':
		return 1
	case unicode.Is(unicode.Mn, r) || !unicode.IsGraphic(r):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// printable leaves out control characters, which would speak to the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && cells(r) == 0 && !unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, text)
}
