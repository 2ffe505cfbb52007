package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/net/html"

	"github.com/testbed-lab/testbed/testbed"
)

// markdownPage is what a reader of GitHub-flavoured Markdown sees.
type markdownPage struct {
	headings, items []string
	tables          [][][]string // Rows of cells, the heads first.
	marked          int          // Elements that style or link a text.
}

func readMarkdown(t testing.TB, markdown []byte) (s markdownPage) {
	t.Helper()
	var page bytes.Buffer
	require.NoError(t, goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert(markdown, &page))
	root, err := html.Parse(&page)
	require.NoError(t, err)
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		last := len(s.tables) - 1
		switch n.Data {
		case "h2", "h3":
			s.headings = append(s.headings, textIn(n))
		case "li":
			s.items = append(s.items, textIn(n))
		case "table":
			s.tables = append(s.tables, nil)
		case "tr":
			s.tables[last] = append(s.tables[last], nil)
		case "th", "td":
			row := &s.tables[last][len(s.tables[last])-1]
			*row = append(*row, textIn(n))
		case "em", "del", "a", "code", "b", "img":
			s.marked++
		}
	}
	return s
}

func textIn(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return text.String()
}

// rowsOf is a table as it has to be shown.
func rowsOf(t table) [][]string {
	rows := [][]string{nil}
	for _, c := range t.Columns {
		rows[0] = append(rows[0], heading(c))
	}
	for _, r := range t.Rows {
		var cells []string
		for i := range t.Columns {
			cells = append(cells, cellText(t, r, i))
		}
		rows = append(rows, cells)
	}
	return rows
}

// TestMarkdownIsRead by a parser of GitHub's dialect: each row and column is where it
// belongs, and no name or reason is anything but text.
func TestMarkdownIsRead(t *testing.T) {
	const hostile = "a|b <b>c</b> *d* _e_ ~~f~~ &amp; \\ [g](h) ![i](j) `k` __l__"
	worse := booted(3)
	worse.factors = map[string]float64{"docker0": 1.2 * 1.1, "macvlan": 1.006 * 0.9}
	base, other := side(t, booted(3), hostile, 1), side(t, worse, "new", 2)
	other.Result.Tests[0].Modes[2].Status, other.Result.Tests[0].Modes[2].Reason = testbed.StatusFailed, hostile
	all := comparedTo(t, base, 0.03, other)
	page := readMarkdown(t, formats(t, all)["markdown"])
	require.Equal(t, []string{compareTitle(all[0]), "tcp_rr"}, page.headings[:2])
	tables := compareTables(all[0])
	require.Len(t, page.tables, len(tables))
	require.Len(t, page.tables[0], 4)
	for i := range tables {
		require.Equal(t, rowsOf(tables[i]), page.tables[i])
	}
	require.Contains(t, page.items, "macvlan: new: the mode is failed: "+hostile+"; the base did it")
	require.Zero(t, page.marked)
}
