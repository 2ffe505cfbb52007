// Package paper draws the report's figures for a paper, as PDF and as PGF: the same
// drawing as in the page, in black, greys and dashes, so that print needs no colour.
//
// It knows canvases and classes, and no result.
package paper

import (
	"image/color"
	"io"
	"math"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgtex"

	"github.com/testbed-lab/testbed/report/figure"
)

// Panel is a figure that knows its size.
type Panel interface {
	Size() (width, height float64)
	Draw(figure.Canvas)
}

// unit is how long a figure's unit is on paper: a panel of 320 is 2.4 in wide, and three
// beside each other fill a page.
const unit vg.Length = 0.54 // Points.

// PDF draws panels in rows of some columns.
func PDF(w io.Writer, columns int, panels ...Panel) error {
	width, height := extent(columns, panels)
	c := vgpdf.New(width, height)
	drawAll(c, height, columns, panels, western)
	_, err := c.WriteTo(w)
	return err
}

// western is a text in the encoding of PDF's simple fonts; what it lacks becomes the
// nearest that it has.
func western(text string) string {
	text = strings.NewReplacer("−", "–", "→", "›", "…", "...").Replace(text)
	encoded, err := encoding.ReplaceUnsupported(charmap.Windows1252.NewEncoder()).String(text)
	if err != nil {
		return text
	}
	return encoded
}

// PGF draws the same as commands of LaTeX's package pgf, with the document's own font;
// escape makes a text safe there.
func PGF(w io.Writer, columns int, escape func(string) string, panels ...Panel) error {
	width, height := extent(columns, panels)
	c := vgtex.New(width, height)
	drawAll(c, height, columns, panels, escape)
	_, err := c.WriteTo(w)
	return err
}

func extent(columns int, panels []Panel) (width, height vg.Length) {
	if len(panels) == 0 {
		return 1, 1
	}
	w, h := panels[0].Size()
	rows := (len(panels) + columns - 1) / columns
	return vg.Length(float64(min(columns, len(panels)))*w) * unit, vg.Length(float64(rows)*h) * unit
}

func drawAll(c vg.Canvas, height vg.Length, columns int, panels []Panel, escape func(string) string) {
	for i, p := range panels {
		w, h := p.Size()
		at := vg.Point{X: vg.Length(float64(i%columns)*w) * unit, Y: height - vg.Length(float64(i/columns)*h)*unit}
		p.Draw(&canvas{Canvas: c, origin: at, escape: escape})
	}
}

var faces = font.NewCache(liberation.Collection())

// canvas draws a figure with its top left corner at origin.
type canvas struct {
	vg.Canvas
	origin vg.Point
	escape func(string) string
}

func (c *canvas) at(x, y float64) vg.Point {
	return vg.Point{X: c.origin.X + vg.Length(x)*unit, Y: c.origin.Y - vg.Length(y)*unit}
}

// look is how a class is drawn.
type look struct {
	color color.Gray
	width vg.Length
	dash  []vg.Length
	size  float64 // Of text, in the figure's units.
}

// looks by class; one with two words is looked for by both, then by the first.
var looks = map[string]look{
	"grid":       {color: color.Gray{0xd8}, width: 0.3},
	"tickmark":   {color: color.Gray{0x80}, width: 0.4},
	"tick":       {color: color.Gray{0x50}, size: 11},
	"between":    {color: color.Gray{0xea}},
	"curve host": {color: color.Gray{0x70}, width: 0.8, dash: []vg.Length{2.5, 1.5}},
	"curve mode": {width: 1},
	"dot host":   {color: color.Gray{0x70}},
	"dot mode":   {},
	"short":      {width: 0.6},
	"name":       {size: 14},
	"note":       {color: color.Gray{0x40}, size: 12},
	"label host": {color: color.Gray{0x60}, size: 12},
	"label mode": {size: 12},
}

func lookOf(class string) look {
	if found, is := looks[class]; is {
		return found
	}
	first, _, _ := strings.Cut(class, " ")
	return looks[first]
}

func (c *canvas) stroke(l look) {
	c.SetColor(l.color)
	c.SetLineWidth(l.width)
	c.SetLineDash(l.dash, 0)
}

func (c *canvas) Line(class string, x1, y1, x2, y2 float64) {
	c.Path(class, []float64{x1, x2}, []float64{y1, y2}, false)
}

func (c *canvas) Path(class string, xs, ys []float64, closed bool) {
	if len(xs) < 2 {
		return
	}
	var p vg.Path
	p.Move(c.at(xs[0], ys[0]))
	for i := 1; i < len(xs); i++ {
		p.Line(c.at(xs[i], ys[i]))
	}
	l := lookOf(class)
	if closed {
		p.Close()
		c.SetColor(l.color)
		c.Fill(p)
		return
	}
	c.stroke(l)
	c.Stroke(p)
}

func (c *canvas) Dot(class string, x, y, r float64) {
	center, radius := c.at(x, y), vg.Length(r)*unit
	var p vg.Path
	p.Move(vg.Point{X: center.X + radius, Y: center.Y})
	p.Arc(center, radius, 0, 2*math.Pi)
	p.Close()
	c.SetColor(lookOf(class).color)
	c.Fill(p)
}

func (c *canvas) Text(class string, x, y float64, anchor, text string) {
	l := lookOf(class)
	face := faces.Lookup(font.Font{Typeface: "Liberation", Variant: "Sans"}, vg.Length(l.size)*unit)
	at := c.at(x, y)
	switch anchor {
	case "middle":
		at.X -= face.Width(text) / 2
	case "end":
		at.X -= face.Width(text)
	}
	c.SetColor(l.color)
	c.FillString(face, at, c.escape(text))
}
