package report

import "github.com/testbed-lab/testbed/testbed"

// verdict is what may be said of a mode's p50 against host's, in a word.
type verdict string

const (
	slower      verdict = testbed.Slower
	faster      verdict = testbed.Faster
	withinNoise verdict = testbed.WithinNoise
	noInterval  verdict = testbed.NoVerdict
	noVerdict   verdict = "" // There is no ratio to speak of.
)

// verdictOf is what the result claims. A result without claims is judged by its
// intervals alone.
func verdictOf(t testbed.TestResult, m testbed.ModeResult) verdict {
	ratio := m.RatioToHost["p50"]
	claim, made := m.Claims["p50"]
	switch {
	case !made:
		return judgeRatio(ratio, t.NoiseFloor)
	case claim.Verdict == testbed.NoVerdict && ratio.Estimate == nil:
		return noVerdict
	}
	return verdict(claim.Verdict)
}

// compared says whether a mode is one that claims are about.
func compared(m testbed.ModeResult) bool {
	return m.Status == testbed.StatusOK && m.Name != hostMode
}
