package figure

import (
	"fmt"
	"strings"
)

// Curve is a cumulative distribution: Values[i] is the value that a share
// Shares[i] of the transactions does not exceed. Both ascend.
type Curve struct {
	Name   string
	Values []float64
	Shares []float64
	Median float64
}

// ECDF is one panel: a mode against host.
type ECDF struct {
	ID    string // Unique in the page.
	Mode  Curve
	Host  Curve
	Scale Scale  // The same for all panels of a test.
	Unit  string // Of the axis, such as "µs".
	Note  string // At the top right, such as "+52.5 µs".
	Desc  string // The figure in words.
	From  string // Where its numbers stand in the result.
}

// The panel, in SVG user units.
const (
	panelWidth  = 320.0
	panelHeight = 190.0
	plotLeft    = 40.0
	plotRight   = panelWidth - 12
	plotTop     = 34.0
	plotBottom  = panelHeight - 26
)

// SVG draws the panel.
func (e ECDF) SVG() string {
	return panel(e.ID, "Cumulative distribution of "+e.Mode.Name+" against "+e.Host.Name, e.Desc, e.From, e.Draw)
}

// panel is a drawing of a panel's size with its title and what it shows in words, and
// where the numbers in those stand.
func panel(id, title, desc, from string, draw func(Canvas)) string {
	s := &svg{}
	s.add(`<svg class="ecdf" viewBox="0 0 %s %s" role="img" aria-labelledby="%s-title %s-desc"%s>`,
		at(panelWidth), at(panelHeight), escape(id), escape(id), dataFrom(from))
	s.add(`<title id="%s-title">%s</title>`, escape(id), escape(title))
	s.add(`<desc id="%s-desc">%s</desc>`, escape(id), escape(desc))
	draw(s)
	s.add(`</svg>`)
	return s.String()
}

// Size of a panel, in its units.
func (e ECDF) Size() (width, height float64) { return panelWidth, panelHeight }

// Draw draws the panel.
func (e ECDF) Draw(c Canvas) {
	e.axes(c)
	e.area(c)
	for _, one := range []struct {
		class string
		curve Curve
	}{{"curve host", e.Host}, {"curve mode", e.Mode}} {
		xs, ys := e.visible(one.curve)
		c.Path(one.class, xs, ys, false)
	}
	e.medians(c)
	e.labels(c)
}

func (e ECDF) x(v float64) float64 { return plotLeft + e.Scale.At(v)*(plotRight-plotLeft) }

func y(share float64) float64 { return plotBottom - share*(plotBottom-plotTop) }

func (e ECDF) axes(s Canvas) {
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 1} {
		s.Line("grid", plotLeft, y(share), plotRight, y(share))
		if share != 0.25 && share != 0.75 {
			s.Text("tick", plotLeft-6, y(share)+3.5, "end", fmt.Sprintf("%.0f%%", 100*share))
		}
	}
	abscissa(s, e.Scale, e.Unit)
}

// abscissa draws the axis below a panel's plot.
func abscissa(s Canvas, scale Scale, unit string) {
	ticks := scale.Ticks(5)
	for i, v := range ticks {
		text := tickText(v)
		if i == len(ticks)-1 {
			text += " " + unit
		}
		x := plotLeft + scale.At(v)*(plotRight-plotLeft)
		s.Line("tickmark", x, plotBottom, x, plotBottom+4)
		s.Text("tick", x, plotBottom+17, "middle", text)
	}
}

// visible is the part of a curve within the axis; where the curve leaves it, it
// ends at the edge.
func (e ECDF) visible(c Curve) (xs, ys []float64) {
	for i, v := range c.Values {
		share := c.Shares[i]
		if v > e.Scale.Hi {
			if i > 0 && c.Values[i-1] < e.Scale.Hi {
				part := (e.Scale.Hi - c.Values[i-1]) / (v - c.Values[i-1])
				share = c.Shares[i-1] + part*(share-c.Shares[i-1])
				xs, ys = append(xs, plotRight), append(ys, y(share))
			}
			break
		}
		if v >= e.Scale.Lo {
			xs, ys = append(xs, e.x(v)), append(ys, y(share))
		}
	}
	return xs, ys
}

func polyline(first string, xs, ys []float64) string {
	var b strings.Builder
	for i := range xs {
		command := "L"
		if i == 0 {
			command = first
		}
		b.WriteString(command + at(xs[i]) + " " + at(ys[i]))
	}
	return b.String()
}

// area tints what lies between the two curves: what the mode costs.
func (e ECDF) area(s Canvas) {
	modeX, modeY := e.visible(e.Mode)
	hostX, hostY := e.visible(e.Host)
	reverse(hostX)
	reverse(hostY)
	if len(modeX) > 1 && len(hostX) > 1 {
		s.Path("between", append(modeX, hostX...), append(modeY, hostY...), true)
	}
}

func reverse(values []float64) {
	for i, j := 0, len(values)-1; i < j; i, j = i+1, j-1 {
		values[i], values[j] = values[j], values[i]
	}
}

func (e ECDF) medians(s Canvas) {
	s.Dot("dot host", e.x(e.Host.Median), y(0.5), 3)
	s.Dot("dot mode", e.x(e.Mode.Median), y(0.5), 3.5)
}

// labels name the curves where they are steep, host's to its left and the
// mode's to its right, whichever of the two is the faster.
func (e ECDF) labels(s Canvas) {
	s.Text("name", plotLeft, 18, "start", e.Mode.Name)
	s.Text("note", plotRight, 18, "end", e.Note)
	left, right := e.Host, e.Mode
	if e.Mode.Median < e.Host.Median {
		left, right = right, left
	}
	class := map[string]string{e.Host.Name: "label host", e.Mode.Name: "label mode"}
	s.Text(class[left.Name], e.x(left.at(0.3))-7, y(0.3)+4, "end", left.Name)
	s.Text(class[right.Name], e.x(right.at(0.3))+8, y(0.22)+4, "start", right.Name)
}

// at is the value at a share.
func (c Curve) at(share float64) float64 {
	for i, s := range c.Shares {
		if s >= share {
			return c.Values[i]
		}
	}
	return c.Median
}
