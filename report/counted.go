package report

import (
	"fmt"

	"github.com/testbed-lab/testbed/testbed"
)

// backendIcount is the backend whose clock counts instructions.
const backendIcount = "icount"

// lengthOf is how long a test's blocks are, and in what its figures are: a test
// without a time for its blocks is one of a clock that counts instructions.
func lengthOf(t testbed.Test) (testbed.BlockLength, string) {
	if t.Block == 0 && t.Transactions > 0 {
		return testbed.BlockLength{Transactions: t.Transactions}, testbed.UnitInstructions
	}
	return testbed.BlockLength{Nanoseconds: int64(t.Block)}, testbed.UnitTime
}

// round and boot are what a test's repetitions are called: where instructions are
// counted each is a boot with a seed of its own.
func (t *trial) round() string { return t.called("round") }

func (t *trial) boot() string { return t.called("boot") }

func (t *trial) called(word string) string {
	if t.counts() {
		return "seed"
	}
	return word
}

// roundOf is [trial.round] of a result.
func roundOf(t testbed.TestResult) string {
	if isCounted(t) {
		return "seed"
	}
	return "round"
}

// counts says that the trial's clock counts instructions.
func (t *trial) counts() bool {
	_, unit := lengthOf(t.test)
	return unit == testbed.UnitInstructions
}

// isCounted says that a test's figures are instructions per transaction, which are
// no latency and make no rate.
func isCounted(t testbed.TestResult) bool { return t.Unit == testbed.UnitInstructions }

// noCountedRate is why a count has none: a guest whose clock is its instructions has no second.
const noCountedRate = "instructions make no rate"

// pause is a declared time, and on a clock that counts instructions how many those are:
// it is of QEMU's -icount shift=0, so each is a nanosecond.
func pause(t testbed.TestResult, ns int64) string {
	if isCounted(t) {
		return count(int(ns), "instruction")
	}
	return shortDuration(ns)
}

// countedText explains the figures of a test whose clock counts instructions.
const countedText = "Figures are instructions per transaction, and no time: all that the guest's one processor executed from a request to its response. " +
	"The machines were namespaces of one guest, so both ends are in them, the agents' own loops, and the veth pair that was the wire; a NIC, its driver, an interrupt and a hypervisor are not. " +
	"The guest's clock was the number of its instructions (QEMU -icount), and nothing reached it from outside, so the same seed gives the same figures to the last digit with this QEMU and this testbed. " +
	"Another seed has other hash seeds and ports; the interval is over seeds. Waiting takes no instructions: a mode that waits longer is not seen to."

// countedCaption is what a table of counts says of its figures.
const countedCaption = "instructions per transaction, both ends"

// countedRounds is how often a counting test ran.
func countedRounds(t testbed.TestResult) string {
	return count(max(t.Boots, 1), "seed") + " of " + blockLength(t.Block)
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
	return fmt.Sprintf("%s costs most: its p50 is %s instructions, %s × host's. Each seed repeats to the last digit; %s no interval.",
		m.Name, latency(*m.P50.Estimate, t.Unit), ratioText(ratioOf(&m)), seedsGive(t))
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
	return fmt.Sprintf("%s's p50 is %s × host's instructions. Each seed repeats to the last digit; %s no interval.",
		worst.Name, list(texts), seedsGive(cells[0]))
}

// countedVerdicts are the verdicts in words that fit a count.
var countedVerdicts = map[verdict]string{slower: "more", faster: "fewer"}
