package run

import (
	"errors"
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// patience is how many blocks of a mode may fail or be voided in a row. What
// fails as often fails for a reason that the next try would not find gone, and a
// mode that others are compared with has to be there.
const patience = 3

// streaks are the blocks of each mode since the last that counts.
type streaks map[string][]testbed.Block

// add counts a block; its error says that a mode has none left to lose. That a
// kernel lacks something is an answer, not a failure.
func (s streaks) add(b testbed.Block) error {
	mode := b.Mode
	if b.Engine != "" {
		mode += " with " + b.Engine
	}
	switch {
	case b.Status == testbed.StatusUnsupported:
		return nil
	case b.Status == testbed.StatusOK && b.Void == "":
		delete(s, mode)
		return nil
	}
	s[mode] = append(s[mode], b)
	if len(s[mode]) < patience {
		return nil
	}
	return &endedError{mode: mode, blocks: s[mode]}
}

// kernelsLead stands above what kernels have said.
const kernelsLead = "what the machines' kernels have said since the last of them began:"

// endedError ends a test; the others of its cell go on.
type endedError struct {
	mode   string
	blocks []testbed.Block // In a row, none of which counts.
}

func (e *endedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mode %q: %d blocks in a row failed or were voided, so the test ends:", e.mode, len(e.blocks))
	for _, block := range e.blocks {
		fmt.Fprintf(&b, "\n  round %d: %s", block.Round+1, whyNot(block))
	}
	log := e.blocks[len(e.blocks)-1].KernelLog
	if len(log) == 0 {
		b.WriteString("\nneither machine's kernel has said anything since the last of them began")
		return b.String()
	}
	b.WriteString("\n" + kernelsLead + "\n  | ")
	b.WriteString(strings.Join(log, "\n  | "))
	return b.String()
}

// whyNot says why a block does not count.
func whyNot(b testbed.Block) string {
	if b.Status != testbed.StatusOK {
		return "failed: " + b.Reason
	}
	return "voided: " + b.Void
}

// onlyEnded says that an error is nothing but tests that ended so.
func onlyEnded(err error) bool {
	switch err := err.(type) {
	case nil:
		return false
	case *endedError:
		return true
	case interface{ Unwrap() []error }:
		for _, one := range err.Unwrap() {
			if !onlyEnded(one) {
				return false
			}
		}
		return true
	}
	return onlyEnded(errors.Unwrap(err))
}
