package figure

import (
	"math"
	"strconv"
)

// Rounds is one panel: a mode's ratio to host in each round, in the order in which they
// ran, so that a drift or a step is seen.
type Rounds struct {
	ID     string // Unique in the page.
	Name   string
	Ratios []float64 // NaN for a round without.
	Boots  []int     // Of each round, the boot it ran in.
	Scale  Scale     // The same for all panels of a test.
	Noise  *Interval // Host against itself. Optional.
	Axis   string    // What a round is called.
	Desc   string    // The figure in words.
	From   string    // Where its numbers stand in the result.
}

// SVG draws the panel.
func (f Rounds) SVG() string { return panel(f.ID, f.Name+" in each "+f.Axis, f.Desc, f.From, f.Draw) }

// Size of a panel, in its units.
func (f Rounds) Size() (width, height float64) { return panelWidth, panelHeight }

// Draw draws the panel.
func (f Rounds) Draw(c Canvas) {
	if f.Noise != nil {
		lo, hi := f.y(math.Max(f.Noise.Lo, f.Scale.Lo)), f.y(math.Min(f.Noise.Hi, f.Scale.Hi))
		c.Path("between", []float64{plotLeft, plotRight, plotRight, plotLeft}, []float64{lo, lo, hi, hi}, true)
	}
	for _, v := range f.Scale.Ticks(4) {
		c.Line("grid", plotLeft, f.y(v), plotRight, f.y(v))
		c.Text("tick", plotLeft-6, f.y(v)+3.5, "end", tickText(v))
	}
	c.Line("one", plotLeft, f.y(1), plotRight, f.y(1))
	for i := 1; i < len(f.Boots); i++ {
		if f.Boots[i] != f.Boots[i-1] {
			x := (f.x(i) + f.x(i-1)) / 2
			c.Line("tickmark", x, plotTop, x, plotBottom)
		}
	}
	for i, v := range f.Ratios {
		if part := f.Scale.At(v); !math.IsNaN(v) && part >= 0 && part <= 1 {
			c.Dot("dot mode", f.x(i), f.y(v), 3)
		}
	}
	for _, i := range []int{0, len(f.Ratios) - 1} {
		c.Text("tick", f.x(i), plotBottom+17, "middle", strconv.Itoa(i+1))
	}
	c.Text("tick", (plotLeft+plotRight)/2, plotBottom+17, "middle", f.Axis)
	c.Text("name", plotLeft, 18, "start", f.Name)
}

func (f Rounds) x(i int) float64 {
	if len(f.Ratios) < 2 {
		return (plotLeft + plotRight) / 2
	}
	return plotLeft + 8 + float64(i)/float64(len(f.Ratios)-1)*(plotRight-plotLeft-16)
}

func (f Rounds) y(v float64) float64 { return plotBottom - f.Scale.At(v)*(plotBottom-plotTop) }
