package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/testbed-lab/testbed/report/pagetest"
	"github.com/testbed-lab/testbed/testbed"
)

func pageOf(t testing.TB, r testbed.Result, blocks []testbed.Block) string {
	var b bytes.Buffer
	require.NoError(t, HTML(&b, r, blocks))
	return b.String()
}

func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	text := ""
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		text += textOf(c)
	}
	return text
}

func TestPageStandsAlone(t *testing.T) {
	r, blocks := judged(t)
	scripts := 0
	for _, text := range []string{pageOf(t, r, blocks), pageOf(t, kernels(typical()).result(t), kernels(typical()).blocks(t, 7))} {
		root := pagetest.StandsAlone(t, text, func(string) bool { return false })
		headings := []string{}
		pagetest.Walk(root, func(n *html.Node) {
			if n.Data == "script" {
				scripts++
				assert.Empty(t, n.Attr)
				assert.Equal(t, pageScript, textOf(n), "the page's own, which its policy names by hash")
			}
			if regexp.MustCompile(`^h[1-6]$`).MatchString(n.Data) {
				headings = append(headings, n.Data)
			}
		})
		assert.Equal(t, "h1", headings[0])
		for i, h := range headings[1:] {
			assert.NotEqual(t, "h1", h, "one h1")
			assert.LessOrEqual(t, h[1], headings[i][1]+1, "no level is left out")
		}
	}
	assert.Equal(t, 2, scripts, "one a page")
}

func TestPageFiguresAreSound(t *testing.T) {
	r, blocks := judged(t)
	text := pageOf(t, r, blocks)
	figures := regexp.MustCompile(`(?s)<svg .*?</svg>`).FindAllString(text, -1)
	ecdfs, tails, rounds := 0, 0, 0
	for _, figure := range figures {
		wellFormed(t, figure)
		assert.NotContains(t, figure, "NaN")
		assert.NotContains(t, figure, "Inf")
		switch {
		case strings.Contains(figure, "-rounds-"):
			rounds++
			assert.Equal(t, r.Tests[0].Rounds, strings.Count(figure, "<circle"), "a dot a round")
		case strings.Contains(figure, `class="ecdf"`):
			if strings.Contains(figure, "-tail-") {
				tails++
			} else {
				ecdfs++
			}
			assert.Regexp(t, `<title id="[^"]+">[^<]+</title><desc id="[^"]+">[^<]+</desc>`, figure)
			assert.Contains(t, figure, `role="img"`)
			assert.Regexp(t, `<path class="curve host" d="M[-0-9. LM]+"/>`, figure)
			assert.Regexp(t, `<path class="curve mode" d="M[-0-9. LM]+"/>`, figure)
		default:
			assert.Contains(t, figure, `aria-hidden="true"`)
		}
	}
	assert.Equal(t, []int{12, 12, 12}, []int{ecdfs, tails, rounds}, "six modes against host in each of two tests")
}

func wellFormed(t testing.TB, text string) {
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if !assert.NoError(t, err, text) {
			return
		}
	}
}

func TestPageTablesSayWhatTheTerminalSays(t *testing.T) {
	r, blocks := judged(t)
	root, err := html.Parse(strings.NewReader(pageOf(t, r, blocks)))
	require.NoError(t, err)
	rows := []string{}
	pagetest.Walk(root, func(n *html.Node) {
		if n.Data == "tr" {
			rows = append(rows, strings.Join(strings.Fields(textOf(n)), " "))
		}
	})
	all := strings.Join(rows, "\n")
	for _, d := range tables(r) {
		for _, row := range d.Rows {
			for i := range row.Cells {
				assert.Contains(t, all, row.Cells[i].Text)
			}
			if row.Status != testbed.StatusOK {
				assert.Contains(t, all, row.Mode+" "+row.Status+": "+row.Reason)
			}
		}
	}
}

// The first screen holds question, answer and table, in this order.
func TestPageOrder(t *testing.T) {
	r, blocks := judged(t)
	text := html.UnescapeString(pageOf(t, r, blocks))
	at := 0
	for _, want := range []string{"<h1>" + r.Description, answer(r), "Expectations: 1 confirmed, 1 refuted, 2 inconclusive", "Published results: 1 reproduced, 1 contradicted", "<table", `class="ecdf"`, `id="expectations"`, `id="published"`, "published: a letter to a mailing list, 2007", `id="warnings"`, "testbed run container-latency.hcl", `id="method"`, `id="environment"`} {
		i := strings.Index(text[at:], want)
		require.GreaterOrEqual(t, i, 0, want)
		at += i
	}
}

func TestPageEscapes(t *testing.T) {
	w := typical()
	w.modes, w.tests = []string{"host", `<script>alert("x")</script>`}, []string{"</style><b>"}
	r, blocks := w.result(t), w.blocks(t, 7)
	r.Description, r.Lab, r.LabFile = "<img src=x>", "</title>", "a b';rm -rf.hcl"
	r.Warnings = []string{"<svg onload=x>"}
	text := pageOf(t, r, blocks)
	for _, bad := range []string{"<script", "<img", "</style><b>", "<svg onload", "</title></title>"} {
		assert.NotContains(t, strings.Replace(text, "<script>"+pageScript, "", 1), bad)
	}
	for _, figure := range regexp.MustCompile(`(?s)<svg .*?</svg>`).FindAllString(text, -1) {
		wellFormed(t, figure)
	}
	assert.Equal(t, `testbed run 'a b'\'';rm -rf.hcl'`, reproduceCommand(r))
}

func TestPageShowsWhatWasBuilt(t *testing.T) {
	r, blocks := judged(t)
	text := pageOf(t, r, blocks)
	for _, line := range setups["docker0"] {
		assert.Contains(t, text, "<dd>"+line+"</dd>")
	}
}

func TestPageOfNothing(t *testing.T) {
	r, err := Analyze(Input{Lab: typical().lab()})
	require.NoError(t, err)
	text := pageOf(t, r, nil)
	assert.NotContains(t, text, `class="ecdf"`)
	assert.Contains(t, text, "no block arrived")
}
