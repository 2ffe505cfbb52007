package figure

import (
	"fmt"
	"strings"
)

// Canvas is what a figure is drawn on: strokes and texts by class, in the units of the
// figure, y downwards. What a class looks like is the canvas's to say.
type Canvas interface {
	Line(class string, x1, y1, x2, y2 float64)
	// Text stands at its baseline; anchor is start, middle or end.
	Text(class string, x, y float64, anchor, text string)
	Dot(class string, x, y, r float64)
	// Path connects points; a closed one is an area.
	Path(class string, xs, ys []float64, closed bool)
}

// svg collects a drawing.
type svg struct {
	strings.Builder
	from string // Of what is drawn next.
}

// trace says where the number that is drawn next stands in the result, on a canvas that
// can hold it; an empty text ends that.
func trace(c Canvas, from string) {
	if s, is := c.(*svg); is {
		s.from = from
	}
}

// dataFrom is where a number stands, as an attribute; empty where that is not known.
func dataFrom(from string) string {
	if from == "" {
		return ""
	}
	return ` data-from="` + escape(from) + `"`
}

// add writes markup; every text in it has been escaped.
func (s *svg) add(format string, args ...any) { fmt.Fprintf(s, format, args...) }

func (s *svg) Line(class string, x1, y1, x2, y2 float64) {
	s.add(`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, at(x1), at(y1), at(x2), at(y2))
}

func (s *svg) Text(class string, x, y float64, anchor, text string) {
	s.add(`<text class="%s" x="%s" y="%s" text-anchor="%s"%s>%s</text>`, class, at(x), at(y), anchor, dataFrom(s.from), escape(text))
}

func (s *svg) Dot(class string, x, y, r float64) {
	s.add(`<circle class="%s" cx="%s" cy="%s" r="%s"%s/>`, class, at(x), at(y), at(r), dataFrom(s.from))
}

func (s *svg) Path(class string, xs, ys []float64, closed bool) {
	end := ""
	if closed {
		end = "Z"
	}
	s.add(`<path class="%s" d="%s%s"/>`, class, polyline("M", xs, ys), end)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

// escape makes a text safe in XML and HTML; characters that XML forbids become
// replacement characters.
func escape(s string) string {
	return escaper.Replace(strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
