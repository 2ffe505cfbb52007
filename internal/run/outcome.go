package run

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// Outcome is what a run found.
type Outcome struct {
	Result testbed.Result
	Blocks []testbed.Block
	// Comparison is the verdict of a contest; nil of any other run.
	Comparison []testbed.Comparison
	// Consoles of the machines, by file name.
	Consoles map[string][]byte

	machines []testbed.MachineEnvironment
	host     map[string]any // Facts, from when the machines still ran; nil before.
	before   map[string]any // What the host's kernel had counted when the run began.
	warnings []string
	crashes  []testbed.Crash
	failures []testbed.CellFailure
	timings  stopwatch
	started  time.Time
	scratch  *scratch
	changed  bool // Machines were, or may have been.
}

// consoleTimeout bounds how long a finished run waits for a machine's console.
const consoleTimeout = 10 * time.Second

func (c *Conductor) newOutcome(ctx context.Context) *Outcome {
	o := &Outcome{Consoles: map[string][]byte{}, timings: stopwatch{}, started: time.Now(), scratch: &scratch{parent: c.Scratch}}
	o.before = c.hostState(ctx, o)
	return o
}

// Discard gives back what an outcome holds that is not to be saved; of nil that is nothing.
func (o *Outcome) Discard() {
	if o != nil {
		o.scratch.remove()
	}
}

func (o *Outcome) warn(format string, args ...any) {
	o.warnings = append(o.warnings, reasonOf(fmt.Sprintf(format, args...)))
}

// add takes what one test gave, also where it ended early. A machine's facts
// are kept once a cell: they do not change between its tests.
func (o *Outcome) add(seen *observation) {
	if seen == nil {
		return
	}
	o.Blocks = append(o.Blocks, seen.blocks...)
	for _, name := range slices.Sorted(maps.Keys(seen.machines)) {
		o.addMachine(seen.machines[name])
	}
}

func (o *Outcome) addMachine(m testbed.MachineEnvironment) {
	known := slices.IndexFunc(o.machines, func(other testbed.MachineEnvironment) bool {
		return other.Name == m.Name && maps.Equal(other.Cell, m.Cell)
	})
	switch {
	case known < 0:
		o.machines = append(o.machines, m)
	case m.After != nil:
		o.machines[known].After = m.After
	}
}

// keepConsoles stores what each machine's console has shown. A kernel's
// complaints there put in doubt what was measured: each is a warning, and the
// end of such a console is returned, for the error of a run that failed. It is
// called also after an interrupt, so it does not take the run's own cancellation.
// The place is how far the cell had come, where it ended early.
func (o *Outcome) keepConsoles(ctx context.Context, cell testbed.Cell, boot int, place string, machines stations) (complaints string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), consoleTimeout)
	defer cancel()
	for _, name := range slices.Sorted(maps.Keys(machines)) {
		log, err := machines[name].ConsoleLog(ctx)
		if err != nil {
			o.warn("console of %s: %v", name, err)
			continue
		}
		if log == nil { // It has no console.
			continue
		}
		o.keepConsole(cell, boot, name, log)
		trouble := provision.Trouble(log)
		crash := o.crash(cell, boot, place, name, log)
		for _, line := range trouble {
			if crash != "" { // It is told of by itself.
				break
			}
			o.warn("%v", inCell(cell, fmt.Errorf("kernel of %s: %s", name, line)))
		}
		if len(trouble) > 0 {
			complaints += fmt.Sprintf("\nkernel of %q: %s%s", name, cmp.Or(crash, trouble[0]), provision.EndOfConsole(log))
		}
	}
	return complaints
}

// consolesFolder is where they are in a result.
const consolesFolder = "consoles"

// keepConsole gives the place that a console has in the result.
func (o *Outcome) keepConsole(cell testbed.Cell, boot int, machine string, console []byte) string {
	file := consoleFile(cell, machine, boot)
	o.Consoles[file] = console
	return path.Join(consolesFolder, file)
}

// consoleFile names a console's file; the cell is part of it where there are
// several, with what a file name cannot carry replaced, and so is a later boot.
func consoleFile(cell testbed.Cell, machine string, boot int) string {
	name := machine + ".log"
	if boot > 0 {
		name = fmt.Sprintf("%s.boot-%d.log", machine, boot+1)
	}
	if at := cellName(cell); at != "" {
		name = safeName(at) + "." + name
	}
	return name
}

func safeName(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-._=", r) || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, s)
}

// environment is the host, the machines and the images that were used.
func (c *Conductor) environment(ctx context.Context, lab string, o *Outcome) testbed.Environment {
	env := testbed.Environment{
		Node: c.Node, Host: o.host, Before: o.before, After: c.hostState(ctx, o), Machines: o.machines, Images: map[string]map[string]any{},
	}
	if env.Host == nil { // No machine was measured on: the host can still be described.
		env.Host = c.hostFacts(ctx, lab, o)
	}
	for name, built := range c.built {
		env.Images[name] = built.Facts
	}
	return env
}

// hostFacts are the backend's. How the machines were started can be told only as long as
// they are there.
func (c *Conductor) hostFacts(ctx context.Context, lab string, o *Outcome) map[string]any {
	facts, err := c.Backend.Facts(ctx, lab)
	if err != nil {
		o.warn("facts of the host: %v", err)
	}
	return facts
}

func (c *Conductor) hostState(ctx context.Context, o *Outcome) map[string]any {
	state, err := c.Backend.State(ctx)
	if err != nil {
		o.warn("state of the host: %v", err)
	}
	return state
}

func (c *Conductor) tool() testbed.Tool {
	return testbed.Tool{Version: c.Version, SHA256: ownDigest(), AgentSHA256: c.AgentDigest()}
}

// ownDigest is the SHA-256 of the program that runs, in hex; empty where its file is gone.
func ownDigest() string {
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return ""
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// AgentDigest is the SHA-256 of the agent, in hex: what counts instructions depends on it.
func (c *Conductor) AgentDigest() string {
	sum := sha256.Sum256(c.Agent)
	return hex.EncodeToString(sum[:])
}
