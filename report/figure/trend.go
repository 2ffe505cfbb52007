package figure

import "math"

// Trend is a figure over results, in the order in which they were measured: each a link
// to its report, with its interval, the levels between changes, and the changes.
type Trend struct {
	ID     string // Unique in the page.
	Name   string
	Desc   string // The figure in words.
	Unit   string // Of the axis, such as "µs"; empty of a ratio.
	Points []TrendPoint
	Marks  []TrendMark // By ascending place.
}

// TrendPoint is one result.
type TrendPoint struct {
	Value  float64
	Lo, Hi float64 // NaN without an interval.
	Date   string
	Text   string // The point in words.
	Href   string // Of its report.
}

// TrendMark is a change of level between the point at At and the one before.
type TrendMark struct {
	At            int
	Before, After float64 // Levels.
	Text          string  // Its size and p.
}

// The drawing, in SVG user units.
const (
	trendWidth  = 960.0
	trendLeft   = 62.0
	trendRight  = trendWidth - 16
	trendRow    = 15.0 // Of the marks' texts, which stand above the plot.
	trendRows   = 3
	trendMargin = 14.0
	trendPlot   = 168.0
	trendFoot   = 30.0
)

// SVG draws the trend. It is no image to a screen reader but a group of links.
func (f Trend) SVG() string {
	s := &svg{}
	s.add(`<svg class="trend" viewBox="0 0 %s %s" role="group" aria-labelledby="%s-title %s-desc">`, at(trendWidth), at(f.bottom()+trendFoot), escape(f.ID), escape(f.ID))
	s.add(`<title id="%s-title">%s</title><desc id="%s-desc">%s</desc>`, escape(f.ID), escape(f.Name), escape(f.ID), escape(f.Desc))
	scale := f.scale()
	f.axes(s, scale)
	for i, p := range f.Points {
		f.point(s, scale, i, p)
	}
	f.levels(s, scale)
	f.turns(s)
	s.add(`</svg>`)
	return s.String()
}

// scale has room for all values and a little more; intervals that are wider are cut, or
// one night that was disturbed would flatten all others.
func (f Trend) scale() Scale {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range f.Points {
		lo, hi = math.Min(lo, p.Value), math.Max(hi, p.Value)
	}
	room := math.Max(0.4*(hi-lo), 0.005*hi)
	return Scale{Lo: math.Max(lo-room, lo/2), Hi: hi + room}
}

func (f Trend) x(i int) float64 {
	if len(f.Points) < 2 {
		return (trendLeft + trendRight) / 2
	}
	return trendLeft + 10 + float64(i)/float64(len(f.Points)-1)*(trendRight-trendLeft-20)
}

func (f Trend) axes(s *svg, scale Scale) {
	ticks := scale.Ticks(4)
	for i, v := range ticks {
		text := tickText(v)
		if i == len(ticks)-1 && f.Unit != "" {
			text += " " + f.Unit
		}
		s.Line("grid", trendLeft, f.y(scale, v), trendRight, f.y(scale, v))
		s.Text("tick", trendLeft-6, f.y(scale, v)+3.5, "end", text)
	}
	last := len(f.Points) - 1
	for k, anchor := range []string{"start", "middle", "end"} {
		i := last * k / 2
		if k > 0 && i == last*(k-1)/2 {
			continue
		}
		s.Line("tickmark", f.x(i), f.bottom(), f.x(i), f.bottom()+4)
		s.Text("tick", f.x(i), f.bottom()+18, anchor, f.Points[i].Date)
	}
}

// top of the plot, below as many rows of texts as there are.
func (f Trend) top() float64 { return trendMargin + trendRow*float64(min(len(f.Marks), trendRows)) }

func (f Trend) bottom() float64 { return f.top() + trendPlot }

// y is where a value lies, or the edge that it lies beyond.
func (f Trend) y(scale Scale, v float64) float64 {
	return f.bottom() - min(max(scale.At(v), 0), 1)*trendPlot
}

// levels draws the level of each stretch.
func (f Trend) levels(s *svg, scale Scale) {
	for k, m := range f.Marks {
		begin, end := 0, len(f.Points)-1
		if k > 0 {
			begin = f.Marks[k-1].At
		}
		if k+1 < len(f.Marks) {
			end = f.Marks[k+1].At - 1
		}
		s.Line("level", f.x(begin), f.y(scale, m.Before), f.x(m.At-1), f.y(scale, m.Before))
		if k+1 == len(f.Marks) {
			s.Line("level", f.x(m.At), f.y(scale, m.After), f.x(end), f.y(scale, m.After))
		}
	}
}

// turns draws where levels change, and above all lines by how much.
func (f Trend) turns(s *svg) {
	x := func(m TrendMark) float64 { return (f.x(m.At) + f.x(m.At-1)) / 2 }
	y := func(k int) float64 { return f.top() - 6 - trendRow*float64(k%trendRows) }
	for k, m := range f.Marks {
		s.Line("turn", x(m), y(k)+3, x(m), f.bottom())
	}
	for k, m := range f.Marks {
		anchor := "start"
		if x(m) > (trendLeft+trendRight)/2 {
			anchor = "end"
		}
		s.Text("turntext", x(m), y(k), anchor, m.Text)
	}
}

// many points are drawn smaller.
const many = 120

func (f Trend) point(s *svg, scale Scale, i int, p TrendPoint) {
	s.add(`<a class="night" href="%s"><title>%s</title>`, escape(p.Href), escape(p.Text))
	x := f.x(i)
	if !math.IsNaN(p.Lo) && !math.IsNaN(p.Hi) {
		s.Line("whisker noise", x, f.y(scale, p.Lo), x, f.y(scale, p.Hi))
	}
	radius := 3.5
	if len(f.Points) > many {
		radius = 2.2
	}
	s.Dot("dot mode", x, f.y(scale, p.Value), radius)
	s.add(`</a>`)
}
