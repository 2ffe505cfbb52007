package report

import (
	"fmt"
	"math"

	"github.com/testbed-lab/testbed/report/figure"
	"github.com/testbed-lab/testbed/testbed"
)

// leftInTail is how many transactions a share must be of to be drawn: fewer are luck.
const leftInTail = 10

// tails are a test's modes against host, beyond the percentiles that have a figure.
func tails(id string, t testbed.TestResult, curves map[string]curve) (all []figure.Tail) {
	host, known := curves[curveKey(t.Name, t.Cell, hostMode)]
	if !known {
		return nil
	}
	factor := 1.0
	if t.Unit == testbed.UnitTime {
		factor = 1000
	}
	least, lo := leastShare(host), host.Quantile(firstShare)
	for i, m := range t.Modes {
		mode, known := curves[curveKey(t.Name, t.Cell, m.Name)]
		if !known || m.Name == hostMode || m.Status != testbed.StatusOK {
			continue
		}
		least = math.Max(least, leastShare(mode))
		all = append(all, figure.Tail{
			ID: fmt.Sprintf("%s-tail-%d", id, i+1), Unit: latencyUnit(t.Unit),
			Mode: tailOf(m.Name, mode, factor), Host: tailOf(hostMode, host, factor),
			Desc: fmt.Sprintf("Share of transactions that take longer, for %s and for host, on a logarithmic axis.", m.Name),
		})
	}
	hi := host.Quantile(1 - least)
	for _, m := range t.Modes {
		if mode, known := curves[curveKey(t.Name, t.Cell, m.Name)]; known {
			lo, hi = math.Min(lo, mode.Quantile(firstShare)), math.Max(hi, mode.Quantile(1-least))
		}
	}
	for i := range all {
		all[i].Scale, all[i].Least = figure.NewScale(lo/factor, hi/factor), least
	}
	return all
}

// leastShare is the smallest power of ten of which enough transactions are left.
func leastShare(d curve) float64 {
	share := 0.1
	for share/10*float64(d.Count) >= leftInTail {
		share /= 10
	}
	return share
}

// tailOf samples a distribution evenly on the logarithmic axis.
func tailOf(name string, d curve, factor float64) figure.Curve {
	c := figure.Curve{Name: name}
	const steps = 120
	least := leastShare(d)
	for i := range steps {
		share := math.Pow(least, float64(i)/(steps-1))
		c.Shares = append(c.Shares, share)
		c.Values = append(c.Values, d.Quantile(1-share)/factor)
	}
	return c
}

// roundPanels are a test's modes round by round; none where the blocks are not those of
// the result.
func roundPanels(id string, t testbed.TestResult, trial *trial) (all []figure.Rounds) {
	lo, hi := 1.0, 1.0
	for i, s := range trial.series {
		if status, _ := s.status(); s == trial.host || status != testbed.StatusOK || len(trial.rounds) < 2 {
			continue
		}
		f := figure.Rounds{
			ID: fmt.Sprintf("%s-rounds-%d", id, i+1), Name: s.mode.Name, Boots: trial.boots, Noise: interval(t.NoiseFloor), Axis: trial.round(),
			Desc: fmt.Sprintf("p50 of %s as a multiple of host's in each of %s.", s.mode.Name, count(len(trial.rounds), trial.round())),
		}
		for _, v := range trial.pair(s, trial.host, p50).logs {
			f.Ratios = append(f.Ratios, math.Exp(v))
			if !math.IsNaN(v) {
				lo, hi = math.Min(lo, math.Exp(v)), math.Max(hi, math.Exp(v))
			}
		}
		all = append(all, f)
	}
	margin := math.Max(0.05*(hi-lo), 0.002)
	for i := range all {
		all[i].Scale = figure.NewScale(lo-margin, hi+margin)
	}
	return all
}
