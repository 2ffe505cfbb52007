package report

import (
	"fmt"
	"math"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// power is the probability with which the minimum effect would be found, at the
// level that Holm's procedure asks of the least p: the level over the number of claims.
const power = 0.8

// level of a claim: the probability of any false one among a test's modes.
const level = 1 - stats.Confidence

// claims fills what may be said of each mode against host, metric by metric:
// Holm's correction is over the modes that have an interval.
func (t *trial) claims(r *testbed.TestResult) {
	for _, metric := range metrics {
		contrasts, p, of := []mean{}, []float64{}, []int{}
		for i, s := range t.series {
			if s == t.host {
				continue
			}
			m := &r.Modes[i]
			claim := testbed.Claim{Verdict: testbed.NoVerdict}
			contrast := t.contrast(t.pair(s, t.host, metric))
			if m.RatioToHost[metric.name].Lo == nil {
				claim.Reason = m.RatioToHost[metric.name].Reason
			} else {
				contrasts, p, of = append(contrasts, contrast), append(p, contrast.P(0)), append(of, i)
			}
			m.Claims[metric.name] = claim
		}
		for k, adjusted := range stats.Holm(p) {
			m := &r.Modes[of[k]]
			claim := m.Claims[metric.name]
			effect := math.Exp(contrasts[k].Detectable(power, level/float64(len(p))))
			claim.P, claim.MinimumEffect = &adjusted, &effect
			claim.Verdict, claim.Reason = decide(metric.name, m.RatioToHost[metric.name], r.NoiseFloors[metric.name], adjusted, len(p))
			m.Claims[metric.name] = claim
		}
	}
}

// decide refuses what host shows against itself, and what a test of so many
// modes would show by chance.
func decide(metric string, ratio, floor testbed.Estimate, p float64, modes int) (verdict, reason string) {
	mine := fmt.Sprintf("its interval %s to %s", ratioText(*ratio.Lo), ratioText(*ratio.Hi))
	switch {
	case floor.Lo == nil:
		return testbed.NoVerdict, "the noise floor is not known: " + floor.Reason
	case *ratio.Lo <= *floor.Hi && *ratio.Hi >= *floor.Lo:
		return testbed.WithinNoise, fmt.Sprintf("%s overlaps host against itself, %s to %s", mine, ratioText(*floor.Lo), ratioText(*floor.Hi))
	case *ratio.Lo <= 1 && *ratio.Hi >= 1:
		return testbed.WithinNoise, mine + " holds 1"
	case p >= level:
		return testbed.WithinNoise, fmt.Sprintf("%s is clear of 1, but among %s one would be by chance (Holm's p %.2g)", mine, count(modes, "mode"), p)
	case (*ratio.Estimate > 1) == (metric != "rate"):
		return testbed.Slower, ""
	}
	return testbed.Faster, ""
}

// judgeRatio refuses a claim below the noise floor: an interval that holds 1, or
// that touches the interval of host against itself, is no difference.
func judgeRatio(ratio, floor testbed.Estimate) verdict {
	switch {
	case ratio.Estimate == nil:
		return noVerdict
	case ratio.Lo == nil || floor.Lo == nil:
		return noInterval
	case *ratio.Lo <= 1 && *ratio.Hi >= 1, *ratio.Lo <= *floor.Hi && *ratio.Hi >= *floor.Lo:
		return withinNoise
	case *ratio.Estimate > 1:
		return slower
	}
	return faster
}
