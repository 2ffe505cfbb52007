package figure

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTrend(t *testing.T) {
	f := Trend{ID: "t1", Name: `docker0 < "x"`, Desc: "up", Unit: "µs", Marks: []TrendMark{{At: 3, Before: 100, After: 110, Text: "▲ +10%, p 0.0001"}}}
	for i := range 6 {
		p := TrendPoint{Value: 100 + 10*float64(i/3), Lo: math.NaN(), Hi: math.NaN(), Date: fmt.Sprintf("2026-11-%02d", i+1), Text: "a & b", Href: fmt.Sprintf("reports/%d.html", i)}
		if i == 2 {
			p.Lo, p.Hi = 99, 1e6
		}
		f.Points = append(f.Points, p)
	}
	text := f.SVG()
	require.NoError(t, xml.Unmarshal([]byte(text), new(struct{})))
	assert.NotContains(t, text, "NaN")
	assert.Equal(t, 6, strings.Count(text, `<a class="night" href="reports/`))
	assert.Contains(t, text, `>docker0 &lt; &#34;x&#34;</title>`)
	assert.Equal(t, 6, strings.Count(text, "<circle"))
	assert.Equal(t, 1, strings.Count(text, `class="whisker`), "one has an interval")
	assert.Equal(t, 2, strings.Count(text, `class="level"`))
	assert.Equal(t, 1, strings.Count(text, `class="turn"`))
	assert.Contains(t, text, `>▲ +10%, p 0.0001</text>`)
	assert.Contains(t, text, `110 µs</text>`)
	for _, date := range []string{"2026-11-01", "2026-11-03", "2026-11-06"} {
		assert.Contains(t, text, date)
	}
	assert.Contains(t, text, `y1="169" x2="416.8" y2="29"`, "an interval that is wider than the plot is cut at its edge")
}

func TestTrendOfOneAndOfEqualPoints(t *testing.T) {
	point := TrendPoint{Value: 31234, Lo: math.NaN(), Hi: math.NaN(), Date: "2026-11-01"}
	for _, points := range [][]TrendPoint{{point}, {point, point}, {point, point, point}} {
		text := Trend{Points: points}.SVG()
		require.NoError(t, xml.Unmarshal([]byte(text), new(struct{})))
		assert.NotContains(t, text, "NaN")
		assert.NotContains(t, text, "Inf")
	}
}
