package figure

import (
	"encoding/xml"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScale(t *testing.T) {
	s := NewScale(200, 440)
	assert.False(t, s.Log)
	assert.Equal(t, []float64{0, 1, 0.5}, []float64{s.At(200), s.At(440), s.At(320)})
	assert.Equal(t, []float64{200, 250, 300, 350, 400}, s.Ticks(5))

	s = NewScale(20, 20000)
	assert.True(t, s.Log)
	assert.InDelta(t, 1.0/3, s.At(200), 1e-9)
	assert.Equal(t, []float64{30, 100, 300, 1000, 3000, 10000}, s.Ticks(5))

	s = NewScale(0.98, 1.24)
	ticks := s.Ticks(4)
	require.Len(t, ticks, 3)
	assert.InDeltaSlice(t, []float64{1, 1.1, 1.2}, ticks, 1e-9)
}

func TestScaleOfOddRanges(t *testing.T) {
	for _, ends := range [][2]float64{{1, 1}, {5, 2}, {0, 0}, {-1, 3}, {math.NaN(), 2}, {1, math.Inf(1)}, {1e-9, 1e12}} {
		s := NewScale(ends[0], ends[1])
		assert.Less(t, s.Lo, s.Hi, "%v", ends)
		assert.False(t, math.IsNaN(s.At(1)), "%v", ends)
		assert.Less(t, len(s.Ticks(5)), 30, "%v", ends)
	}
}

func TestTickText(t *testing.T) {
	for v, want := range map[float64]string{1.1: "1.1", 0.1 + 0.2: "0.3", 250: "250", 100000: "100000"} {
		assert.Equal(t, want, tickText(v))
	}
}

func TestShortTick(t *testing.T) {
	for v, want := range map[float64]string{0.5: "0.5", 5000: "5000", 10000: "10k", 250000: "250k"} {
		assert.Equal(t, want, shortTick(v))
	}
}

func curve(name string, values ...float64) Curve {
	c := Curve{Name: name, Values: values, Median: values[len(values)/2]}
	for i := range values {
		c.Shares = append(c.Shares, float64(i+1)/float64(len(values)))
	}
	return c
}

func TestECDF(t *testing.T) {
	e := ECDF{
		ID: "f1", Host: curve("host", 200, 250, 300), Mode: curve("a<b", 220, 300, 500),
		Scale: NewScale(200, 400), Unit: "µs", Note: "+50 µs", Desc: "both & all",
	}
	text := e.SVG()
	require.NoError(t, xml.Unmarshal([]byte(text), new(struct{})))
	assert.Contains(t, text, `<title id="f1-title">Cumulative distribution of a&lt;b against host</title>`)
	assert.Contains(t, text, `<desc id="f1-desc">both &amp; all</desc>`)
	assert.Contains(t, text, `400 µs</text>`, "the last tick has the unit")
	// The mode leaves the axis half-way between its second and third value.
	assert.Contains(t, text, `<path class="curve mode" d="M66.8 120.7L174 77.3L308 55.7"/>`)
	assert.Equal(t, 2, strings.Count(text, "<circle"))
	assert.Less(t, strings.Index(text, ">host</text>"), strings.LastIndex(text, ">a&lt;b</text>"), "host's label is to the left of a slower mode's")
}

func TestStrip(t *testing.T) {
	s := Strip{Scale: NewScale(0.9, 1.3), Noise: &Interval{0.98, 1.02}, Ratio: &Interval{1.1, 1.2}, Point: 1.15, Distinct: true, Text: "a < b"}
	text := s.SVG()
	require.NoError(t, xml.Unmarshal([]byte(text), new(struct{})))
	assert.Contains(t, text, `<title>a &lt; b</title>`)
	assert.Contains(t, text, `<rect class="band" x="54" y="0" width="22" height="36"/>`)
	assert.Contains(t, text, `<circle class="point distinct" cx="147.5" cy="18" r="5"/>`)
	s.Distinct = false
	assert.Contains(t, s.SVG(), `class="point noise"`)
	s.Reference = true
	assert.NotContains(t, s.SVG(), "<circle")
	require.NoError(t, xml.Unmarshal([]byte(StripAxis(s.Scale)), new(struct{})))
}

func TestEscape(t *testing.T) {
	assert.Equal(t, "&lt;a&gt; &amp; &#34;b&#34; &#39;\uFFFD\uFFFD", escape("<a> & \"b\" '\x00\xff"))
}
