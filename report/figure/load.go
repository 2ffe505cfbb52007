package figure

// Load is one panel: a mode's latency against the load that is offered in an open loop,
// and host's.
type Load struct {
	ID      string // Unique in the page.
	Name    string
	Lines   []LoadLine
	Rate    Scale // The same for all panels.
	Latency Scale // The same for all panels.
	Unit    string
	Desc    string // The figure in words.
}

// LoadLine is one figure of one mode, rate by rate.
type LoadLine struct {
	Class  string // "host" or "mode".
	Label  string // At its end.
	Points []LoadPoint
}

// LoadPoint is a figure at a rate.
type LoadPoint struct {
	Rate    float64 // Offered, per second.
	Latency float64
	Short   bool   // The schedule was missed: less was done than that.
	From    string // Where the figure stands in the result.
}

// SVG draws the panel.
func (f Load) SVG() string {
	return panel(f.ID, "Latency of "+f.Name+" against load", f.Desc, "", f.Draw)
}

// Size of a panel, in its units.
func (f Load) Size() (width, height float64) { return panelWidth, panelHeight }

// Draw draws the panel.
func (f Load) Draw(c Canvas) {
	for _, v := range f.Latency.Ticks(4) {
		c.Line("grid", plotLeft, f.y(v), plotRight, f.y(v))
		c.Text("tick", plotLeft-6, f.y(v)+3.5, "end", shortTick(v))
	}
	abscissa(c, f.Rate, "/s")
	for _, line := range f.Lines {
		f.line(c, line)
	}
	c.Text("name", plotLeft, 18, "start", f.Name)
	c.Text("note", plotRight, 18, "end", f.Unit+" by load")
}

// shortTick writes thousands as k from 10,000 on: beside the axis there is no room for more.
func shortTick(v float64) string {
	if v >= 1e4 {
		return tickText(v/1000) + "k"
	}
	return tickText(v)
}

// line is drawn below its points, and a cross marks a point whose load was not all done.
func (f Load) line(c Canvas, line LoadLine) {
	var xs, ys []float64
	for _, p := range line.Points {
		xs, ys = append(xs, f.x(p.Rate)), append(ys, f.y(p.Latency))
	}
	if len(xs) == 0 {
		return
	}
	c.Path("curve "+line.Class, xs, ys, false)
	for i, p := range line.Points {
		trace(c, p.From)
		c.Dot("dot "+line.Class, xs[i], ys[i], 3)
		trace(c, "")
		if p.Short {
			const arm = 6
			c.Line("short", xs[i]-arm, ys[i]-arm, xs[i]+arm, ys[i]+arm)
			c.Line("short", xs[i]-arm, ys[i]+arm, xs[i]+arm, ys[i]-arm)
		}
	}
	if line.Class == "mode" {
		c.Text("label mode", xs[0], ys[0]-8, "start", line.Label)
	} else {
		c.Text("label host", xs[0], ys[0]+16, "start", line.Label)
	}
}

func (f Load) x(rate float64) float64 { return plotLeft + f.Rate.At(rate)*(plotRight-plotLeft) }

func (f Load) y(latency float64) float64 {
	return plotBottom - f.Latency.At(latency)*(plotBottom-plotTop)
}
