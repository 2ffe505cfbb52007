package report

import (
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

// countedCaption is what a table of counts says of its figures.
const countedCaption = "instructions per transaction, both ends"

// countedRounds is how often a counting test ran.
func countedRounds(t testbed.TestResult) string {
	return count(max(t.Boots, 1), "seed") + " of " + blockLength(t.Block)
}

// countedVerdicts are the verdicts in words that fit a count.
var countedVerdicts = map[verdict]string{slower: "more", faster: "fewer"}
