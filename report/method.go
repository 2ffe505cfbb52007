package report

import (
	"fmt"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// statisticsTexts state how figures, intervals and verdicts were made, short;
// docs/method.md says it at length, with sources.
func statisticsTexts(r testbed.Result) []string {
	if r.Backend == backendIcount {
		return countedStatistics(r)
	}
	texts := []string{
		fmt.Sprintf("A figure is the geometric mean over rounds of the figure of each block. A percentile is given only with at least %d transactions beyond it in every block; "+
			"else it is that of all rounds pooled, if together they have as many.", beyond),
		"The ratio to host is paired: the mean over rounds of the log ratio of the mode's block to the geometric mean of host's two blocks of the same round. " +
			"Drift between rounds therefore cancels. What a mode adds is the mean of the paired differences.",
		fmt.Sprintf("An interval is Student's on the rounds' log ratios (pseudo-values of the jackknife where they are pooled), with an error from their slow movements, so that it allows for rounds that resemble the one before. "+
			"It needs %d rounds; in simulation it covers 93%% to 97%%. The interval of a mode's own figure is about the time that was measured, not about another day.", stats.MinRounds),
		"The noise floor is the ratio of host's first block to its second. A mode is called slower or faster only where its interval is clear of the noise floor's and Holm's p value over the test's modes is below 0.05. " +
			"The minimum effect is what four of five such runs would have found.",
	}
	for _, t := range r.Tests {
		if t.Boots > 1 {
			return append(texts, fmt.Sprintf("With several boots the boot is the unit: an interval is Student's over the boots' means, and needs %d of them.", stats.MinBoots))
		}
	}
	if !boots(r) {
		return texts
	}
	return append(texts, "All rounds ran in one boot, and the intervals are about that boot: another boot may differ by more than the interval says. A test with several boots says how far.")
}
