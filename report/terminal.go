package report

import (
	"bufio"
	"io"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// TerminalOptions say what the terminal can show.
type TerminalOptions struct {
	Width int  // Columns; 80 where it is 0. No line is wider, nor narrower than 40.
	Color bool // ANSI attributes; the words say the same without.
	// Orders are those of other results beside which the result is drawn.
	Orders []testbed.Order
}

const (
	defaultWidth = 80
	minWidth     = 40
)

// Terminal draws a result for a person: question, answer, a table a test,
// verdicts, warnings.
func Terminal(w io.Writer, r testbed.Result, opt TerminalOptions) error {
	p := newPen(w, opt)
	p.header(r)
	p.failures(r)
	for _, m := range matrixTables(r) {
		p.matrix(m)
	}
	for _, l := range loads(r) {
		p.table(l.table)
	}
	for _, t := range tables(r) {
		p.table(t)
	}
	for _, o := range opt.Orders {
		p.line()
		p.paragraph("", orderTitle(o), bold)
		p.order(o)
	}
	for _, list := range claimLists(r) {
		p.claims(list)
	}
	p.warnings(r)
	return p.w.Flush()
}

// pen writes lines.
type pen struct {
	w     *bufio.Writer
	width int
	color bool
	told  map[string]string // Causes that modes share, and the test below which each stands.
}

func newPen(w io.Writer, opt TerminalOptions) *pen {
	p := &pen{w: bufio.NewWriter(w), width: max(opt.Width, minWidth), color: opt.Color, told: map[string]string{}}
	if opt.Width == 0 {
		p.width = defaultWidth
	}
	return p
}

// style is an ANSI attribute.
type style string

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	normal style = ""
)

func (p *pen) styled(s string, how style) string {
	if !p.color || how == normal || s == "" {
		return s
	}
	return "\x1b[" + string(how) + "m" + s + "\x1b[0m"
}

// line writes one line without spaces at its end.
func (p *pen) line(parts ...string) {
	p.w.WriteString(strings.TrimRight(strings.Join(parts, ""), " "))
	p.w.WriteByte('\n')
}

// paragraph writes wrapped text: the first line after a lead, the others below
// where it ends.
func (p *pen) paragraph(lead, text string, how style) {
	indent := columnsOf(lead)
	for i, line := range wrap(plain(text), p.width-indent) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		p.line(lead, p.styled(line, how))
	}
}

func (p *pen) header(r testbed.Result) {
	name := shorten(plain(r.Lab), p.width)
	where := plain(rig(r))
	if gap := p.width - columnsOf(name) - columnsOf(where); gap >= 2 {
		p.line(p.styled(name, bold), strings.Repeat(" ", gap), p.styled(where, dim))
	} else {
		p.line(p.styled(name, bold))
		p.paragraph("", where, dim)
	}
	p.paragraph("", r.Description, normal)
	p.line()
	p.paragraph("", answer(r), bold)
}

func (p *pen) claims(all claims) {
	p.line()
	title, width := strings.ToLower(all.Title), len(testbed.Inconclusive)
	if all.List[0].Source != "" {
		title = strings.ToLower(all.Tally())
	}
	p.paragraph("", title, bold)
	for _, c := range all.List {
		how := map[string]style{testbed.Confirmed: green, testbed.Refuted: red}[c.Verdict]
		if how == normal {
			how = yellow
		}
		indent := strings.Repeat(" ", width+4)
		p.hanging("  ", pad(c.Word, width, true), how, "  "+c.Name)
		p.paragraph(indent, c.That+"; "+c.Grounds, dim)
		if c.Source != "" {
			p.paragraph(indent, "published: "+c.Source, dim)
		}
	}
}

// hanging writes a styled word and wrapped text beside it.
func (p *pen) hanging(lead, word string, how style, text string) {
	indent := columnsOf(lead) + columnsOf(word) + 2
	for i, line := range wrap(plain(text), p.width-indent) {
		if i == 0 {
			p.line(lead, p.styled(word, how), "  ", line)
		} else {
			p.line(strings.Repeat(" ", indent), line)
		}
	}
}

func (p *pen) warnings(r testbed.Result) {
	if len(r.Warnings) == 0 {
		return
	}
	p.line()
	p.line(p.styled(count(len(r.Warnings), "warning"), yellow))
	for _, text := range r.Warnings {
		p.paragraph("  · ", text, normal)
	}
}
