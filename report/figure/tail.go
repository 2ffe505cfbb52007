package figure

import (
	"math"
	"strconv"
)

// Tail is one panel: which share of a mode's transactions takes longer than so long, and
// of host's, with the share on a logarithmic axis. (The complementary cumulative
// distribution: there a percentile of 99.9% is as far from one of 99% as that from 90%.)
type Tail struct {
	ID    string // Unique in the page.
	Mode  Curve  // Shares are those beyond the value, and descend.
	Host  Curve
	Scale Scale   // The same for all panels of a test.
	Least float64 // The smallest share shown, above 0.
	Unit  string  // Of the axis, such as "µs".
	Desc  string  // The figure in words.
}

// SVG draws the panel.
func (f Tail) SVG() string {
	return panel(f.ID, "Tail of "+f.Mode.Name+" against "+f.Host.Name, f.Desc, "", f.Draw)
}

// Size of a panel, in its units.
func (f Tail) Size() (width, height float64) { return panelWidth, panelHeight }

// Draw draws the panel.
func (f Tail) Draw(c Canvas) {
	for share := 1.0; share >= f.Least*0.999; share /= 10 {
		c.Line("grid", plotLeft, f.y(share), plotRight, f.y(share))
		c.Text("tick", plotLeft-6, f.y(share)+3.5, "end", strconv.FormatFloat(100*share, 'g', 3, 64)+"%")
	}
	abscissa(c, f.Scale, f.Unit)
	for _, one := range []struct {
		class string
		curve Curve
	}{{"curve host", f.Host}, {"curve mode", f.Mode}} {
		var xs, ys []float64
		for i, v := range one.curve.Values {
			if part := f.Scale.At(v); part >= 0 && part <= 1 && one.curve.Shares[i] >= f.Least {
				xs, ys = append(xs, plotLeft+part*(plotRight-plotLeft)), append(ys, f.y(one.curve.Shares[i]))
			}
		}
		c.Path(one.class, xs, ys, false)
	}
	c.Text("name", plotLeft, 18, "start", f.Mode.Name)
}

func (f Tail) y(share float64) float64 {
	return plotTop + math.Log(share)/math.Log(f.Least)*(plotBottom-plotTop)
}
