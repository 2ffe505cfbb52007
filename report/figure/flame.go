package figure

import (
	_ "embed" // The style.
	"fmt"
	"math"
	"strconv"
)

// Flame is what a mode executes, by function below those that called it, and how
// that differs from another: a differential flame graph (Gregg), hanging, so that
// the widest is on top.
type Flame struct {
	Mode, Base string
	Unit       string
	Root       Frame
	From       string // Where its numbers stand in the result.
	// Title stands above a flame that is a file of its own. Empty within a page.
	Title string
}

// Frame is a function with all that it calls, in a mode and in its base.
type Frame struct {
	Name        string
	Value, Base float64
	Children    []Frame
}

const (
	flameWidth  = 960.0
	flameRow    = 17.0
	flameLeast  = 0.8 // Of a frame that is drawn, in units of the drawing.
	flameLetter = 6.3
)

// flameStyle is a part of the drawing, so that it needs no page around it; its colours are
// the page's, mixed beforehand, since few programs but browsers know how to.
//
//go:embed flame.css
var flameStyle string

// SVG draws the flame. A frame's width is the mode's; its class says whether it is
// more than the base's ("more"), less ("less") or the same, and so does the sign in
// its text and title, for whoever sees no colours.
func (f Flame) SVG() string {
	var s svg
	rows := f.Root.rows(flameWidth / math.Max(f.Root.Value, 1))
	top, class := 0.0, "flame"
	if f.Title != "" {
		top, class = 2*flameRow+4, "flame alone"
	}
	s.add(`<svg xmlns="http://www.w3.org/2000/svg" class="%s" viewBox="0 0 %s %s" role="img" aria-label="%s"%s><style>%s</style>`,
		class, at(flameWidth), at(top+float64(rows)*flameRow+2),
		escape(fmt.Sprintf("What %s executes, by function, against %s", f.Mode, f.Base)), dataFrom(f.From), flameStyle)
	if f.Title != "" {
		s.Text("title", 3, flameRow-3, "start", f.Title)
		s.Text("legend", 3, 2*flameRow-3, "start", fmt.Sprintf("Width: %s of %s; below a function what it called. Red, +: more than in %s; green, −: fewer.", f.Unit, f.Mode, f.Base))
	}
	if f.Root.Value > 0 {
		f.draw(&s, f.Root, 0, top, flameWidth/f.Root.Value)
	}
	s.add("</svg>")
	return s.String()
}

// rows that the frames take that are wide enough to be seen.
func (f Frame) rows(scale float64) int {
	deepest := 0
	for _, child := range f.Children {
		if child.Value*scale >= flameLeast {
			deepest = max(deepest, child.rows(scale))
		}
	}
	return deepest + 1
}

func (f Flame) draw(s *svg, frame Frame, x, y, scale float64) {
	width := frame.Value * scale
	change := frame.Value - frame.Base
	s.add(`<g class="%s"><title>%s</title>`, flameClass(frame), escape(fmt.Sprintf("%s: %s %s, %s %s", frame.Name, amount(frame.Value), f.Unit, signed(change), "against "+f.Base)))
	s.add(`<rect x="%s" y="%s" width="%s" height="%s"/>`, at(x), at(y), at(width), at(flameRow-1))
	text := frame.Name
	if math.Abs(change) >= 0.5 {
		text += " " + signed(change)
	}
	if room := int((width - 6) / flameLetter); room >= 4 {
		if letters := []rune(text); len(letters) > room {
			text = string(letters[:room-1]) + "…"
		}
		s.Text("frame", x+3, y+flameRow-5, "start", text)
	}
	s.add("</g>")
	for _, child := range frame.Children {
		if child.Value*scale >= flameLeast {
			f.draw(s, child, x, y+flameRow, scale)
		}
		x += child.Value * scale
	}
}

// flameClass has four steps, at a twentieth and at a third of the base.
func flameClass(f Frame) string {
	change := f.Value - f.Base
	switch share := math.Abs(change) / math.Max(f.Value, 1); {
	case share < 0.05:
		return "same"
	case change > 0 && share > 0.33:
		return "more much"
	case change > 0:
		return "more"
	case share > 0.33:
		return "less much"
	}
	return "less"
}

func amount(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

func signed(v float64) string {
	if v < 0 {
		return "−" + amount(-v)
	}
	return "+" + amount(v)
}
