package report

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/testbed-lab/testbed/report/pagetest"
	"github.com/testbed-lab/testbed/testbed"
)

// resolve follows a JSON pointer (RFC 6901).
func resolve(t *testing.T, root any, pointer string) any {
	t.Helper()
	at := root
	for _, key := range strings.Split(pointer, "/")[1:] {
		switch inner := at.(type) {
		case map[string]any:
			at = inner[key]
		case []any:
			i, err := strconv.Atoi(key)
			require.NoError(t, err, pointer)
			require.Less(t, i, len(inner), pointer)
			at = inner[i]
		default:
			require.Fail(t, "points nowhere", pointer)
		}
	}
	return at
}

// leaves are the numbers and the texts below a value, by their path in it.
func leaves(v any, path string, numbers map[string]float64, texts *[]string) {
	switch v := v.(type) {
	case float64:
		numbers[path] = v
	case string:
		*texts = append(*texts, v)
	case map[string]any:
		for key, inner := range v {
			*texts = append(*texts, key)
			leaves(inner, path+"/"+key, numbers, texts)
		}
	case []any:
		for i, inner := range v {
			leaves(inner, path+"/"+strconv.Itoa(i), numbers, texts)
		}
	}
}

// token is a printed number.
type token struct {
	text     string // Without separators.
	decimals int
	value    float64
}

var printedNumber = regexp.MustCompile(`\d[\d,]*(\.\d+)?(e-?\d+)?`)

// tokensIn are the numbers of a text; digits in a name (docker0, p50) are none.
func tokensIn(text string) (all []token) {
	text = strings.NewReplacer("95% interval", "", "p99.9", "").Replace(text)
	for _, at := range printedNumber.FindAllStringIndex(text, -1) {
		before, after := "", ""
		if at[0] > 0 {
			before = text[at[0]-1 : at[0]]
		}
		if at[1] < len(text) {
			after = text[at[1] : at[1]+1]
		}
		if letter.MatchString(before) || letter.MatchString(after) && after != "e" {
			continue
		}
		one := token{text: strings.TrimSuffix(strings.ReplaceAll(text[at[0]:at[1]], ",", ""), ".")}
		_, fraction, _ := strings.Cut(one.text, ".")
		one.decimals = len(fraction)
		one.value, _ = strconv.ParseFloat(one.text, 64)
		all = append(all, one)
	}
	return all
}

var letter = regexp.MustCompile(`[A-Za-z_]`)

// prints says that a number of the result, in some unit, is what was printed.
func (p token) prints(v float64, scales ...float64) bool {
	for _, scale := range scales {
		if strconv.FormatFloat(math.Abs(v*scale), 'f', p.decimals, 64) == p.text || strconv.FormatFloat(math.Abs(v*scale), 'g', 2, 64) == p.text {
			return true
		}
	}
	return false
}

// inTime are the places of figures that a result has in ns and the page in µs.
var inTime = regexp.MustCompile(`/modes/\d+/(p50|p90|p99|p999|mean|added_to_host/\w+|beside/\d+/figures/(p\d+|mean))(/(estimate|lo|hi))?$`)

// tracer checks a page against its result.
type tracer struct {
	t       *testing.T
	result  any
	checked int
	wrong   []string
}

// traced says that a number of an element is in the result, where the element points.
func (c *tracer) traced(p token, from []string, exact bool) bool {
	var sides []map[string]float64
	for _, pointer := range from {
		numbers, texts := map[string]float64{}, []string{}
		leaves(resolve(c.t, c.result, pointer), "", numbers, &texts)
		for path, v := range numbers {
			scales := []float64{1}
			switch {
			case inTime.MatchString(pointer + path):
				scales = []float64{1e-3}
			case !exact: // A sentence may also say per cent, or ms.
				scales = []float64{1, 100, 1e-3, 1e-6, 1e-9}
			}
			if p.prints(v, scales...) || !exact && p.prints(v-1, 100) {
				return true
			}
		}
		if !exact && slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ReplaceAll(text, ",", ""), p.text) }) {
			return true
		}
		sides = append(sides, numbers)
	}
	return len(sides) > 1 && derived(p, sides[0], sides[1])
}

// derived says that a number is a difference, or a share, of two.
func derived(p token, a, b map[string]float64) bool {
	for path, v := range a {
		if other, both := b[path]; both && (p.prints(v-other, 1) || p.prints(v/other, 100)) {
			return true
		}
	}
	return false
}

// element checks an element's own text, or all of a table's cell, and those below it.
func (c *tracer) element(n *html.Node, from []string) {
	if n.Type != html.ElementNode || slices.Contains([]string{"style", "script", "code", "pre", "footer", "th"}, n.Data) {
		return
	}
	own, sentence := false, false
	for _, a := range n.Attr {
		switch {
		case a.Key == "data-from":
			from, own = strings.Fields(a.Val), true
		case a.Key == "aria-labelledby" && a.Val == "method", a.Key == "class" && strings.HasPrefix(a.Val, "tick"):
			return // Constants of the method; marks on an axis.
		case a.Key == "class" && a.Val == "flame":
			c.flame(n)
			return
		case a.Key == "class" && strings.Contains(a.Val, "reason"):
			sentence = true
		}
	}
	cell := n.Data == "td" && !sentence
	if n.Data == "circle" && own {
		require.IsType(c.t, 1.0, resolve(c.t, c.result, from[0]), from)
		c.checked++
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		if child.Type == html.TextNode {
			c.text(child.Data, from, cell, own)
		}
		c.element(child, from)
	}
}

// flame: a frame adds functions up, by who called them; those are there.
func (c *tracer) flame(n *html.Node) {
	for _, a := range n.Attr {
		if a.Key == "data-from" {
			for _, pointer := range strings.Fields(a.Val) {
				require.NotEmpty(c.t, resolve(c.t, c.result, pointer), pointer)
			}
			c.checked++
			return
		}
	}
	require.Fail(c.t, "a flame points nowhere")
}

func (c *tracer) text(text string, from []string, cell, own bool) {
	if strings.Contains(text, "< 0.0001") || cell && !own && strings.TrimSpace(text) == "1" { // Host's ratio to itself.
		return
	}
	for _, p := range tokensIn(text) {
		// Small whole numbers in sentences are counts of what is listed.
		if !cell && p.decimals == 0 && (len(p.text) < 3 || p.text == "100" || p.text == "1000") {
			continue
		}
		c.checked++
		switch {
		case cell && !own:
			c.wrong = append(c.wrong, fmt.Sprintf("%q in a table points nowhere", text))
		case !c.traced(p, from, cell):
			c.wrong = append(c.wrong, fmt.Sprintf("%s in %q is not in the result at %v", p.text, text, from))
		}
	}
}

// trace checks all of a page.
func trace(t *testing.T, r testbed.Result, page string) *tracer {
	text, err := JSON(r)
	require.NoError(t, err)
	c := &tracer{t: t}
	require.NoError(t, json.Unmarshal(text, &c.result))
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	pagetest.Walk(root, func(n *html.Node) {
		if n.Data == "body" {
			c.element(n, nil)
		}
	})
	return c
}

// TestPageIsTraced: each number of the page is in result.json, where its element says.
func TestPageIsTraced(t *testing.T) {
	for name, made := range map[string]func() (testbed.Result, []testbed.Block){
		"typical":   func() (testbed.Result, []testbed.Block) { return judged(t) },
		"decorated": func() (testbed.Result, []testbed.Block) { return decorated(t) },
		"matrix":    func() (testbed.Result, []testbed.Block) { w := kernels(typical()); return w.result(t), w.blocks(t, 7) },
		"load":      func() (testbed.Result, []testbed.Block) { return openLoops(t) },
		"evidence":  func() (testbed.Result, []testbed.Block) { return explainable(t), nil },
		"counted":   func() (testbed.Result, []testbed.Block) { return counts(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			r, blocks := made()
			c := trace(t, r, pageOf(t, r, blocks))
			assert.Empty(t, c.wrong)
			require.Greater(t, c.checked, 5)
		})
	}
}

// A page of other numbers than the result's is found out.
func TestTracerFindsOut(t *testing.T) {
	result := map[string]any{"tests": []any{map[string]any{"unit": "ns", "modes": []any{map[string]any{"p50": map[string]any{"estimate": 24123.0}}}}}}
	c := &tracer{t: t, result: result}
	from := []string{"/tests/0/modes/0/p50/estimate"}
	require.True(t, c.traced(tokensIn("24.12")[0], from, true))
	require.False(t, c.traced(tokensIn("24.13")[0], from, true))
	require.False(t, c.traced(tokensIn("24,123")[0], from, true), "in another unit than the column's")

	r, blocks := judged(t)
	page := pageOf(t, r, blocks)
	for name, change := range map[string]func(m *testbed.ModeResult){
		"p50":      func(m *testbed.ModeResult) { *m.P50.Estimate *= 1.01 },
		"interval": func(m *testbed.ModeResult) { *m.RatioToHost["p50"].Hi += 0.01 },
		"blocks":   func(m *testbed.ModeResult) { m.Blocks++ },
	} {
		change(&r.Tests[0].Modes[1])
		require.NotEmpty(t, trace(t, r, page).wrong, name)
		r, _ = judged(t)
	}
	require.Len(t, tokensIn("docker0 at p50: 1,234.5 [0.9, 1.1]"), 3)
}
