package figure

// Strip is one row of a forest plot: a ratio with its interval on the axis that
// all rows share, the noise band behind it and host's line at 1.
type Strip struct {
	Scale     Scale
	Noise     *Interval // Optional.
	Ratio     *Interval // Optional; only the noise band is drawn without.
	Point     float64
	Distinct  bool   // Beyond the noise: a filled dot, else a hollow one.
	Text      string // Shown when pointed at.
	Reference bool   // The row is host's own: no dot.
	From      string // Where its numbers stand in the result.
}

// Interval is a range.
type Interval struct{ Lo, Hi float64 }

// The strip, in SVG user units.
const (
	stripWidth  = 240.0
	stripHeight = 36.0
	stripMargin = 10.0
)

func (f Strip) x(v float64) float64 {
	return stripMargin + f.Scale.At(v)*(stripWidth-2*stripMargin)
}

// SVG draws the strip. The numbers stand beside it in the table, so it is no
// image to a screen reader.
func (f Strip) SVG() string {
	s := &svg{}
	s.add(`<svg class="strip" viewBox="0 0 %s %s" aria-hidden="true"%s>`, at(stripWidth), at(stripHeight), dataFrom(f.From))
	if f.Text != "" {
		s.add(`<title>%s</title>`, escape(f.Text))
	}
	f.background(s, stripHeight)
	middle := stripHeight / 2
	class := "noise"
	if f.Distinct {
		class = "distinct"
	}
	if f.Ratio != nil {
		lo, hi := f.x(f.Ratio.Lo), f.x(f.Ratio.Hi)
		s.Line("whisker "+class, lo, middle, hi, middle)
		s.Line("whisker "+class, lo, middle-4, lo, middle+4)
		s.Line("whisker "+class, hi, middle-4, hi, middle+4)
	}
	if f.Point > 0 && !f.Reference {
		s.Dot("point "+class, f.x(f.Point), middle, 5)
	}
	s.add(`</svg>`)
	return s.String()
}

func (f Strip) background(s *svg, height float64) {
	if f.Noise != nil {
		lo, hi := f.x(f.Noise.Lo), f.x(f.Noise.Hi)
		s.add(`<rect class="band" x="%s" y="0" width="%s" height="%s"/>`, at(lo), at(max(hi-lo, 0.5)), at(height))
	}
	s.Line("one", f.x(1), 0, f.x(1), height)
}

// StripAxis draws the axis that stands above the strips.
func StripAxis(scale Scale) string {
	f := Strip{Scale: scale}
	s := &svg{}
	s.add(`<svg class="strip" viewBox="0 0 %s %s" aria-hidden="true"%s>`, at(stripWidth), at(stripHeight), dataFrom(f.From))
	for _, v := range scale.Ticks(4) {
		s.Line("tickmark", f.x(v), stripHeight-5, f.x(v), stripHeight)
		s.Text("tick", f.x(v), stripHeight-9, "middle", tickText(v))
	}
	s.add(`</svg>`)
	return s.String()
}
