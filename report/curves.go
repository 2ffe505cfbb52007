package report

import (
	"fmt"
	"math"

	"github.com/testbed-lab/testbed/report/figure"
	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// curve is what all blocks of a mode that count saw together.
type curve = stats.Distribution

// curvesOf pools what counts of each mode of each test in each cell. A mode without any
// has no curve; the analysis has said why.
func curvesOf(trials []*trial) map[string]curve {
	pooled := map[string]curve{}
	for _, t := range trials {
		for _, s := range t.series {
			var dists []stats.Distribution
			for _, samples := range s.byRound {
				for _, one := range samples {
					dists = append(dists, one.dist)
				}
			}
			if len(dists) > 0 {
				pooled[curveKey(t.test.Name, t.coordinates, s.mode.Name)] = stats.Merge(dists)
			}
		}
	}
	return pooled
}

func curveKey(test string, cell map[string]string, mode string) string {
	return trialKey(test, cell) + fmt.Sprintf(" %q", mode)
}

// The part of the distributions that the panels show: the far tail would leave
// no room for the rest.
const (
	firstShare = 0.005
	lastShare  = 0.98
)

// panels are a test's modes against host, in the table's order, on one scale.
func panels(id string, t testbed.TestResult, curves map[string]curve) []figure.ECDF {
	host, known := curves[curveKey(t.Name, t.Cell, hostMode)]
	if !known {
		return nil
	}
	all := []figure.ECDF{}
	lo, hi := host.Quantile(firstShare), host.Quantile(lastShare)
	factor := 1.0
	if t.Unit == "ns" {
		factor = 1000
	}
	for i, m := range t.Modes {
		mode, known := curves[curveKey(t.Name, t.Cell, m.Name)]
		if !known || m.Name == hostMode || m.Status != testbed.StatusOK {
			continue
		}
		lo, hi = min(lo, mode.Quantile(firstShare)), max(hi, mode.Quantile(lastShare))
		all = append(all, figure.ECDF{
			ID: fmt.Sprintf("%s-mode-%d", id, i+1), Unit: latencyUnit(t.Unit),
			Mode: plotted(m.Name, mode, factor), Host: plotted(hostMode, host, factor),
			Note: panelNote(t, m), Desc: panelText(t, m),
		})
	}
	for i := range all {
		all[i].Scale = figure.NewScale(lo/factor, hi/factor)
	}
	return all
}

// plotted samples a distribution finely enough for a panel.
func plotted(name string, d curve, factor float64) figure.Curve {
	c := figure.Curve{Name: name, Median: d.Quantile(0.5) / factor}
	const steps = 120
	for i := range steps {
		share := firstShare + (0.999-firstShare)*float64(i)/(steps-1)
		c.Shares = append(c.Shares, share)
		c.Values = append(c.Values, d.Quantile(share)/factor)
	}
	return c
}

func panelNote(t testbed.TestResult, m testbed.ModeResult) string {
	if verdictOf(t, m) == withinNoise {
		return string(withinNoise)
	}
	if text := addedCell(t, m); text != "" {
		return text + " " + latencyUnit(t.Unit)
	}
	return ""
}

func panelText(t testbed.TestResult, m testbed.ModeResult) string {
	host := hostOf(t)
	text := fmt.Sprintf("Share of transactions against %s, for %s and for host", map[bool]string{false: "latency", true: "instructions"}[isCounted(t)], m.Name)
	if m.P50.Estimate != nil && host.P50.Estimate != nil {
		text += fmt.Sprintf(": half of them take at most %s %s in %s and %s %s in host",
			latency(*m.P50.Estimate, t.Unit), latencyUnit(t.Unit), m.Name, latency(*host.P50.Estimate, t.Unit), latencyUnit(t.Unit))
	}
	return text + "."
}

// ratioScale spans all that the strips of a test show.
func ratioScale(t testbed.TestResult) figure.Scale {
	lo, hi := 1.0, 1.0
	span := func(e testbed.Estimate) {
		for _, v := range []*float64{e.Estimate, e.Lo, e.Hi} {
			if v != nil {
				lo, hi = math.Min(lo, *v), math.Max(hi, *v)
			}
		}
	}
	span(t.NoiseFloor)
	for _, m := range t.Modes {
		span(m.RatioToHost["p50"])
	}
	margin := math.Max(0.04*(hi-lo), 0.002)
	return figure.NewScale(math.Max(lo-margin, lo/2), hi+margin)
}

func interval(e testbed.Estimate) *figure.Interval {
	if e.Lo == nil || e.Hi == nil {
		return nil
	}
	return &figure.Interval{Lo: *e.Lo, Hi: *e.Hi}
}

func strip(scale figure.Scale, r row, t testbed.TestResult, at string) string {
	floor := t.NoiseFloor
	s := figure.Strip{Scale: scale, Noise: interval(floor), Reference: r.Host, From: pointers("ratio_to_host/p50 /noise_floor", at, t, r.Mode)}
	if r.Status == testbed.StatusOK && r.Ratio.Estimate != nil {
		s.Point = *r.Ratio.Estimate
		s.Ratio = interval(r.Ratio)
		s.Distinct = r.Verdict == slower || r.Verdict == faster
		s.Text = fmt.Sprintf("%s: %s × host %s", r.Mode, ratioText(s.Point), intervalText(r.Ratio))
	}
	if r.Host {
		s.Ratio, s.Text = nil, fmt.Sprintf("noise floor: host against itself %s", intervalText(floor))
	}
	return s.SVG()
}
