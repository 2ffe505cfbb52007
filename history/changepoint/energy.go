package changepoint

import "math"

// distances are sums of |xᵢ-xₖ| over the pairs within any stretch of some values.
type distances struct {
	n    int
	sums []float64
}

func newDistances(values []float64) *distances {
	n := len(values)
	d := &distances{n: n, sums: make([]float64, (n+1)*(n+1))}
	for length := 2; length <= n; length++ {
		for i := 0; i+length <= n; i++ {
			j := i + length
			d.sums[i*(n+1)+j] = d.within(i+1, j) + d.within(i, j-1) - d.within(i+1, j-1) + math.Abs(values[i]-values[j-1])
		}
	}
	return d
}

// within is the sum over the pairs from i up to, not including, j.
func (d *distances) within(i, j int) float64 { return d.sums[i*(d.n+1)+j] }

// energy is Matteson and James's Q̂, with α = 1, of the values
// from i up to τ against those from τ up to j, n and m of them:
//
//	Q̂ = nm/(n+m) · ( 2/(nm) Σ|x-y| - 1/C(n,2) Σ|x-x'| - 1/C(m,2) Σ|y-y'| )
//
// A single value has no pairs, and no spread.
func (d *distances) energy(i, tau, j int) float64 {
	n, m := float64(tau-i), float64(j-tau)
	x, y := d.within(i, tau), d.within(tau, j)
	between := d.within(i, j) - x - y
	q := 2 / (n * m) * between
	if n > 1 {
		q -= x / (n * (n - 1) / 2)
	}
	if m > 1 {
		q -= y / (m * (m - 1) / 2)
	}
	return n * m / (n + m) * q
}

// cut is a stretch in two parts.
type cut struct{ start, at, end int }

// best is the cut of a stretch with the largest energy, and that energy. One of the two
// parts may end before the stretch does (Matteson and James's κ), or a change that is
// undone later would hide in the mean of all that follows.
func (d *distances) best(start, end, least int) (found cut, energy float64) {
	try := func(c cut) {
		if q := d.energy(c.start, c.at, c.end); q > energy {
			found, energy = c, q
		}
	}
	for at := start + least; at <= end-least; at++ {
		try(cut{start, at, end})
		for to := at + least; to < end; to++ {
			try(cut{start, at, to})
		}
		for from := start + 1; from <= at-least; from++ {
			try(cut{from, at, end})
		}
	}
	return found, energy
}

// divide cuts a window, then the parts, for as long as the test at the weak level holds.
func divide(window []float64, o Options) []int {
	d := newDistances(window)
	var places []int
	var parts func(start, end int)
	parts = func(start, end int) {
		c, energy := d.best(start, end, o.MinSegment)
		if energy <= 0 {
			return
		}
		if between(window, c, o).P > min(weaker*o.MaxP, 0.5) {
			return
		}
		places = append(places, c.at)
		parts(start, c.at)
		parts(c.at, end)
	}
	parts(0, len(window))
	return places
}
