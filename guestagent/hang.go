package guestagent

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// hangTimeout is how long a set-up or a tear-down may take before the kernel is taken
// to hang: far more than buildTimeout, which ends one between two steps, and less than
// the other agent and the conductor wait.
const hangTimeout = 30 * time.Second

// hangError says that the kernel did not return from what it was asked to do. What the
// agent has begun cannot be undone then: the thread that would do so is in the kernel.
type hangError struct{ proto.Hang }

func (e *hangError) Error() string {
	text := e.Doing + " on " + e.Machine + " " + e.Symptom()
	for _, task := range e.Tasks {
		text += fmt.Sprintf("; %s waits in %s", task.Name, strings.Join(task.Frames, " < "))
	}
	return text
}

// hung finds a hang in an error; nil where it is none.
func hung(err error) *proto.Hang {
	var hang *hangError
	if errors.As(err, &hang) {
		return &hang.Hang
	}
	return nil
}

// followSteps has the machine say which step of a mode it is at.
func followSteps(machine *netmode.Machine, before func(string) error) *atomic.Value {
	var step atomic.Value
	step.Store("")
	machine.BeforeStep = func(name string) error {
		step.Store(name)
		if before == nil {
			return nil
		}
		return before(name)
	}
	return &step
}

// within does something that may never end, because the kernel does not return. Then
// its goroutine is left behind, with all that it holds.
func (r *runner) within(doing string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	patience := r.Patience
	if patience == 0 {
		patience = hangTimeout
	}
	timer := time.NewTimer(patience) // Stopped: one that ran out later would wake the agent in a block.
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
	}
	step, _ := r.step.Load().(string)
	return &hangError{proto.Hang{Machine: r.segment.Self.Name, Doing: doing, Step: step, Seconds: patience.Seconds(), Tasks: blockedTasks("/proc")}}
}
