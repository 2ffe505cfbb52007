package run

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// trial is one test in one cell, over all its boots and rounds.
type trial struct {
	seed    int64
	rules   testbed.VoidRules
	cell    testbed.Cell
	test    testbed.Test
	scratch *scratch // Where samples go.
	// oneKernel says that the machines share one.
	oneKernel bool
	// silence is how long the agents may say nothing.
	silence time.Duration

	blocks  []testbed.Block // All that are whole.
	rounds  int             // That were run.
	index   int             // Blocks that were asked for.
	streaks streaks
	ended   bool // By a mode that failed too often.
	// refuse may end the run for a block. Optional.
	refuse func(testbed.Block) error

	// width of the widest interval, and whose it is; for a test with a precision.
	width float64
	mode  string
}

func newTrial(lab *testbed.Lab, cell testbed.Cell, test testbed.Test, samples *scratch) *trial {
	t := &trial{
		seed: lab.Seed, rules: lab.Void, cell: cell, test: test, scratch: samples,
		streaks: streaks{}, width: math.Inf(1), oneKernel: lab.Backend == "local", silence: blockGrace,
	}
	if lab.Backend == backendIcount {
		t.oneKernel, t.silence = true, sealedSilence
	}
	return t
}

// wants says whether the test is measured in a boot, which is counted from 0.
func (t *trial) wants(boot int) bool {
	return !t.ended && (boot < max(t.test.Boots, 1) || (t.reboots() && t.more() > 0))
}

// reboots says that boots are a level of the test.
func (t *trial) reboots() bool { return t.test.Boots > 1 }

// more is how many rounds the test's precision still asks for: half as many
// again as there are, because each look at the data is one more chance to stop
// at an interval that is narrow by luck, and so there are few looks; where boots
// are a level, a whole boot's, which keeps the levels even.
func (t *trial) more() int {
	if t.test.Precision == 0 {
		return 0
	}
	t.width, t.mode = report.Precision(t.cell, t.test, t.blocks)
	left := t.test.MaxRounds - t.rounds
	switch {
	case t.width <= t.test.Precision:
		return 0
	case t.reboots() && left >= t.test.Rounds:
		return t.test.Rounds
	case t.reboots():
		return 0
	}
	return max(0, min(left, (t.rounds+1)/2))
}

// measure runs the test in one boot, between two machines that hold the agent.
func (t *trial) measure(ctx context.Context, sink progress.Sink, boot int, machines stations) (*observation, error) {
	client, server, err := machines.pair(t.test)
	if err != nil {
		return nil, err
	}
	seen := &observation{machines: map[string]testbed.MachineEnvironment{}}
	step := t.step(boot)
	err = sink.Do(step, func() error {
		for rounds := t.test.Rounds; rounds > 0; rounds = t.further() {
			plan, err := partOf(t.seed, t.cell, t.test, t.rounds, rounds)
			if err != nil {
				return err
			}
			log := t.recorder(boot, plan.client)
			log.onBlock = func(done int, b proto.Block) { sink.Emit(t.progress(step, done, len(plan.client.Blocks), b)) }
			err = converse(ctx, plan, client, server, log, t.test.Block+t.test.Warmup+t.silence)
			err = placed(log.where(), err)
			seen.add(log.observation())
			t.rounds += rounds
			t.index += len(plan.client.Blocks)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && boot == 0 {
		err = t.look(ctx, sink, client, server, seen)
	}
	return seen, err
}

// look runs the passes that measure nothing, when nothing is measured any more.
func (t *trial) look(ctx context.Context, sink progress.Sink, client, server *station, seen *observation) error {
	plan, err := passesOf(t.seed, t.cell, t.test, t.oneKernel)
	if err != nil || len(plan.client.Blocks) == 0 {
		return err
	}
	step := t.doing("look into")
	return sink.Do(step, func() error {
		log := newRecorder(t.cell, t.test, plan.client)
		log.first, log.sealed = t.index, t.silence == sealedSilence
		log.onBlock = func(done int, b proto.Block) {
			sink.Emit(progress.Event{
				Step: step, State: progress.Running, Unit: "blocks", Current: int64(done), Total: int64(len(plan.client.Blocks)),
				Detail: string(b.Pass) + ", " + b.Mode,
			})
		}
		err := converse(ctx, plan, client, server, log, t.silence)
		err = placed(log.where(), err)
		seen.add(log.observation())
		t.index += len(plan.client.Blocks)
		return err
	})
}

// further is how many rounds are to follow in the same boot.
func (t *trial) further() int {
	if t.reboots() {
		return 0
	}
	return t.more()
}

func (t *trial) recorder(boot int, client proto.Segment) *recorder {
	log := newRecorder(t.cell, t.test, client)
	log.boot, log.first, log.take, log.sealed = boot, t.index, t.take, t.silence == sealedSilence
	if t.test.Samples == "all" {
		log.samples = &sampleSink{scratch: t.scratch, folder: samplesFolder(t.cell, t.test)}
	}
	return log
}

// take judges a block that is whole. Its error ends the test.
func (t *trial) take(b *testbed.Block) error {
	if b.Status == testbed.StatusOK && b.Void == "" {
		b.Void = report.Void(t.rules, *b)
	}
	err := t.streaks.add(*b)
	if b.Status == testbed.StatusOK && b.Void == "" {
		b.KernelLog = nil // Of devices that come and go; no use to anybody.
	}
	t.blocks = append(t.blocks, *b)
	if err == nil && t.refuse != nil {
		err = t.refuse(*b)
	}
	return err
}

// step is the test as progress names it.
func (t *trial) step(boot int) string {
	step := t.doing("measure")
	if t.reboots() {
		step += fmt.Sprintf(", boot %d", boot+1)
	}
	return step
}

func (t *trial) doing(what string) string {
	step := what + " " + t.test.Name
	if name := cellName(t.cell); name != "" {
		step += " (" + name + ")"
	}
	return step
}

func (t *trial) progress(step string, done, total int, b proto.Block) progress.Event {
	detail := fmt.Sprintf("round %d/%d, %s", b.Round+1, t.test.Rounds*max(t.test.Boots, 1), b.Mode)
	if t.test.Precision > 0 {
		detail = fmt.Sprintf("round %d/%d at most, %s", b.Round+1, t.test.MaxRounds, b.Mode)
	}
	if t.mode != "" && !math.IsInf(t.width, 0) {
		detail += fmt.Sprintf("; interval of %s %.2g%% wide, %.2g%% wanted", t.mode, 100*t.width, 100*t.test.Precision)
	}
	return progress.Event{
		Step: step, State: progress.Running, Unit: "blocks",
		Current: int64(t.index + done), Total: int64(t.index + total), Detail: detail,
	}
}
