package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// Markdown draws a result for a repository or an issue: the same tables as the
// page, with every column; and beside it the order of modes in other results.
func Markdown(w io.Writer, r testbed.Result, orders ...testbed.Order) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n", markdownText(firstOf(r.Description, r.Lab)))
	fmt.Fprintf(&b, "**%s**\n\n", markdownText(answer(r)))
	fmt.Fprintf(&b, "%s · %s · seed %d · %s\n", markdownText(r.Lab), markdownText(rig(r)), r.Seed, started(r))
	markdownFailures(&b, r)
	for _, m := range matrixTables(r) {
		markdownMatrix(&b, m)
	}
	for _, l := range loads(r) {
		markdownTable(&b, l.table, "##")
	}
	for _, t := range tables(r) {
		markdownTable(&b, t, "##")
	}
	for _, o := range orders {
		markdownOrder(&b, o)
	}
	for _, list := range claimLists(r) {
		markdownClaims(&b, list)
	}
	markdownList(&b, "Warnings", r.Warnings)
	markdownList(&b, "Voided blocks", voidedTexts(r))
	fmt.Fprintf(&b, "\n## Method\n\n")
	for _, text := range methodTexts(r) {
		fmt.Fprintf(&b, "%s\n\n", markdownText(text))
	}
	fmt.Fprintf(&b, "## Reproduce\n\n```sh\n%s\n```\n", reproduceCommand(r))
	_, err := w.Write(b.Bytes())
	return err
}

func markdownFailures(b *bytes.Buffer, r testbed.Result) {
	all := failures(r)
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", failuresTitle(r))
	for _, f := range all {
		fmt.Fprintf(b, "- **%s**\n", markdownText(f.head()))
		for _, line := range f.lines() {
			fmt.Fprintf(b, "  - %s\n", markdownText(line))
		}
	}
}

func markdownTable(b *bytes.Buffer, t table, level string) {
	title := t.Test
	if t.Cell != "" {
		title += ", " + t.Cell
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s\n\n", level, markdownText(title), markdownText(t.Caption))
	if text := absentText(t); text != "" {
		fmt.Fprintf(b, "%s\n", markdownText(text))
		return
	}
	markdownRows(b, t)
	notes := slices.DeleteFunc(slices.Clone(t.Notes), func(n note) bool { return n.Instead != "" }) // Every column is there.
	if t.Noise != "" {
		notes = append([]note{{Text: t.Noise}}, notes...)
	}
	if len(notes) > 0 {
		fmt.Fprintln(b)
	}
	for _, n := range notes {
		fmt.Fprintf(b, "- %s\n", markdownText(n.Text))
	}
	markdownPrice(b, t, level)
	if t.Why != nil {
		markdownTable(b, *t.Why, level+"#")
	}
	if t.Ends != nil {
		markdownTable(b, *t.Ends, level+"#")
	}
	for _, other := range t.Beside {
		markdownTable(b, other, level+"#")
	}
	if t.Details != nil {
		markdownTable(b, *t.Details, level+"#")
	}
}

func markdownRows(b *bytes.Buffer, t table) {
	heads, rules := []string{}, []string{}
	for _, c := range t.Columns {
		heads = append(heads, heading(c))
		rules = append(rules, map[bool]string{true: ":--", false: "--:"}[c.Left])
	}
	fmt.Fprintf(b, "| %s |\n| %s |\n", strings.Join(heads, " | "), strings.Join(rules, " | "))
	for _, r := range t.Rows {
		texts := []string{}
		for i := range t.Columns {
			texts = append(texts, markdownText(cellText(t, r, i)))
		}
		if r.Status != testbed.StatusOK {
			texts[len(texts)-1] = markdownText(joined(r.Status, r.Reason))
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(texts, " | "))
	}
}

func markdownMatrix(b *bytes.Buffer, m matrixTable) {
	fmt.Fprintf(b, "\n## %s by %s\n\n%s.\n\n", markdownText(m.Test), markdownText(m.By), markdownText(m.About))
	fmt.Fprintf(b, "| mode |")
	for _, cell := range m.Cells {
		fmt.Fprintf(b, " %s |", markdownText(cell))
	}
	fmt.Fprintf(b, "\n| :-- |%s\n", strings.Repeat(" --: |", len(m.Cells)))
	for _, r := range m.Rows {
		fmt.Fprintf(b, "| %s |", markdownText(r.Mode))
		for _, ratio := range r.Ratios {
			fmt.Fprintf(b, " %s |", markdownText(ratio.oneLine()))
		}
		fmt.Fprintln(b)
	}
	for i, text := range m.Notes {
		if i == 0 {
			fmt.Fprintln(b)
		}
		fmt.Fprintf(b, "- %s\n", markdownText(text))
	}
}

func markdownClaims(b *bytes.Buffer, all claims) {
	published := all.List[0].Source != ""
	fmt.Fprintf(b, "\n## %s\n\n| verdict | expectation | that | grounds |%s\n| :-- | :-- | :-- | :-- |%s\n", all.Title,
		map[bool]string{true: " published |"}[published], map[bool]string{true: " :-- |"}[published])
	for _, c := range all.List {
		fmt.Fprintf(b, "| **%s** | %s | `%s` | %s |", c.Word, markdownText(c.Name),
			strings.NewReplacer("|", "\\|", "`", "'").Replace(plain(c.That)), markdownText(c.Grounds))
		if published {
			fmt.Fprintf(b, " %s |", markdownText(c.Source))
		}
		fmt.Fprintln(b)
	}
}

func markdownList(b *bytes.Buffer, title string, texts []string) {
	if len(texts) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	for _, text := range texts {
		fmt.Fprintf(b, "- %s\n", markdownText(text))
	}
}

// edgeOfWord is where underscores would set a text in italics; within a word they do not.
var edgeOfWord = regexp.MustCompile(`(^|[^\pL\pN_])_+|_+([^\pL\pN_]|$)`)

// markdownText keeps a text from being read as markup or as HTML.
func markdownText(s string) string {
	s = oneLine(plain(s))
	s = strings.NewReplacer("\\", "\\\\", "|", "\\|", "*", "\\*", "`", "\\`", "~", "\\~", "&", "&amp;", "<", "&lt;", "](", "]\\(").Replace(s)
	return edgeOfWord.ReplaceAllStringFunc(s, func(edge string) string { return strings.ReplaceAll(edge, "_", "\\_") })
}

// markdownPrice draws the matrix, and what it says in words.
func markdownPrice(b *bytes.Buffer, t table, level string) {
	if t.Price == nil {
		return
	}
	fmt.Fprintf(b, "\n%s# %s: what it costs, and what works\n\n|", level, markdownText(t.Test))
	for _, c := range append([]priceColumn{{Title: "mode"}}, t.Price.Columns...) {
		fmt.Fprintf(b, " %s |", markdownText(c.Title))
	}
	fmt.Fprintf(b, "\n|---%s|\n", strings.Repeat("|---", len(t.Price.Columns)))
	for _, row := range t.Price.Rows {
		fmt.Fprintf(b, "| %s |", markdownText(row.Mode))
		for _, c := range row.Cells {
			fmt.Fprintf(b, " %s |", markdownText(strings.TrimSpace(c.Text+" "+c.Interval)))
		}
		fmt.Fprintln(b)
	}
	for _, p := range t.Paragraphs {
		fmt.Fprintf(b, "\n%s\n", markdownText(p.Text))
	}
}
