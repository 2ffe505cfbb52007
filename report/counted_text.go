package report

import (
	"fmt"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// countedText explains the figures of a test whose clock counts instructions.
const countedText = "Figures are instructions per transaction, and no time: all that the guest's one processor executed from a request to its response. " +
	"The machines were namespaces of one guest, so both ends are in them, the agents' own loops, and the veth pair that was the wire; a NIC, its driver, an interrupt and a hypervisor are not. " +
	"The guest's clock was the number of its instructions (QEMU -icount), and nothing reached it from outside, so the same seed gives the same figures to the last digit with this QEMU and this testbed. " +
	"Waiting takes no instructions: a mode that waits longer is not seen to."

// seedSpread is how far another seed may move a figure: its hash tables have another
// layout, its sockets other ports (docs/icount.md).
const seedSpread = 0.004

// anotherSeed says why one seed is no answer about the kernel.
var anotherSeed = "another seed has another hash layout and other ports, which moves a figure by some " + percentText(seedSpread)

// enoughSeeds is what gives an interval, as a lab file asks for it.
var enoughSeeds = fmt.Sprintf("seeds = %d", stats.MinBoots)

// mostSeeds is how many the test with the most of them has.
func mostSeeds(r testbed.Result) int {
	seeds := 1
	for _, t := range r.Tests {
		seeds = max(seeds, t.Boots)
	}
	return seeds
}

// countedStatistics are [statisticsTexts] of counts, whose seeds are the unit, or of one
// seed, which has no statistics.
func countedStatistics(r testbed.Result) []string {
	floor := "The noise floor is the ratio of host's first block to its second"
	if mostSeeds(r) == 1 {
		return []string{
			fmt.Sprintf("A figure is that of the mode's one block; host's is the geometric mean of its two. A percentile is given only with at least %d transactions beyond it. "+
				"The ratio to host is to that mean, and what a mode adds is the difference to host's.", beyond),
			"One seed was counted. Its figures are exact, and no interval is given: " + anotherSeed + ". " + enoughSeeds + " gives an interval and a verdict.",
			floor + ".",
		}
	}
	return []string{
		fmt.Sprintf("A figure is the geometric mean over seeds of the figure of each block. A percentile is given only with at least %d transactions beyond it in every block; "+
			"else it is that of all seeds pooled, if together they have as many.", beyond),
		"The ratio to host is paired: the mean over seeds of the log ratio of the mode's block to the geometric mean of host's two blocks of the same seed. " +
			"What the seed does to both therefore cancels. What a mode adds is the mean of the paired differences.",
		fmt.Sprintf("The seed is the unit: an interval is Student's over seeds, and needs %d of them. It is about which seeds were drawn, and nothing else, for each repeats to the last digit: %s.",
			stats.MinBoots, anotherSeed),
		floor + ". A mode is called to take more or fewer only where its interval is clear of the noise floor's and Holm's p value over the test's modes is below 0.05. " +
			"The minimum effect is what four of five such runs would have found.",
	}
}

// fewSeeds says what a claim is on so few seeds, and what would decide it.
func fewSeeds(seeds int, truth testbed.Truth) string {
	holds := map[testbed.Truth]string{testbed.True: "holds", testbed.False: "does not hold"}[truth]
	on := "exactly, for the one seed that was counted"
	if seeds > 1 {
		on = fmt.Sprintf("on the mean of the %d seeds that were counted", seeds)
	}
	return fmt.Sprintf("it %s, %s; a verdict needs %d (%s), for %s", holds, on, stats.MinBoots, enoughSeeds, anotherSeed)
}

// exactCost is what a mode costs in the seeds that were counted, too few for an interval.
func exactCost(t testbed.TestResult, m testbed.ModeResult) string {
	text := fmt.Sprintf("%s takes %s × host's instructions at p50", m.Name, ratioText(ratioOf(&m)))
	if added := addedCell(t, m); added != "" {
		text += " (" + added + ")"
	}
	if n := max(t.Boots, 1); n > 1 {
		return fmt.Sprintf("%s on the mean of %d seeds, which give no interval.", text, n)
	}
	return text + ", exactly, with the one seed that was counted."
}

// seedsGive is "1 seed gives", "2 seeds give".
func seedsGive(t testbed.TestResult) string {
	if n := max(t.Boots, 1); n > 1 {
		return count(n, "seed") + " give"
	}
	return "1 seed gives"
}

// oneSeed answers where too few seeds give no interval.
func oneSeed(t testbed.TestResult, m testbed.ModeResult) string {
	return fmt.Sprintf("%s costs most: its p50 is %s instructions, %s × host's. Each seed repeats to the last digit; %s no interval (%s would).",
		m.Name, latency(*m.P50.Estimate, t.Unit), ratioText(ratioOf(&m)), seedsGive(t), enoughSeeds)
}

// oneSeedEach answers for a matrix of too few seeds: what the costliest mode of the
// first cell costs in each.
func oneSeedEach(cells []testbed.TestResult) string {
	worst := sidesOf(cells[0]).slowestOpen
	if worst == nil {
		return fmt.Sprintf("no mode was counted at %s.", CellText(cells[0].Cell))
	}
	var texts []string
	for _, t := range cells {
		for _, m := range t.Modes {
			if m.Name == worst.Name && m.RatioToHost["p50"].Estimate != nil {
				texts = append(texts, fmt.Sprintf("%s at %s", ratioText(ratioOf(&m)), CellText(t.Cell)))
			}
		}
	}
	return fmt.Sprintf("%s's p50 is %s × host's instructions. Each seed repeats to the last digit; %s no interval (%s would).",
		worst.Name, list(texts), seedsGive(cells[0]), enoughSeeds)
}
