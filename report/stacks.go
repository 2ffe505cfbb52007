package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// untraced is what the function graph does not see: who called it is not known.
const untraced = "(not traced)"

// userSpace is what is no function of the kernel's: the agent.
const userSpace = "(user space)"

// stack is a function below those that called it, with the instructions of its own.
type stack struct {
	own      float64
	children map[string]*stack
}

func (s *stack) child(name string) *stack {
	if s.children[name] == nil {
		if s.children == nil {
			s.children = map[string]*stack{}
		}
		s.children[name] = &stack{}
	}
	return s.children[name]
}

// stacksOf are a mode's instructions by function, below those that called it, with those
// of which that is not known, and user space, apart. Nil where they were not counted.
func stacksOf(m testbed.ModeResult) *stack {
	if m.Functions == nil {
		return nil
	}
	root, calls := tracedStacks(m)
	for name, n := range m.Functions {
		switch {
		case name == userSpace:
			root.child(name).own += n
		case calls[name] == 0:
			root.child(untraced).child(name).own += n
		}
	}
	return root
}

// tracedStacks shares a mode's instructions by function evenly among the calls that were
// traced, at both ends; calls are how many of each function.
func tracedStacks(m testbed.ModeResult) (root *stack, calls map[string]float64) {
	root, calls = &stack{}, map[string]float64{}
	if m.Evidence == nil {
		return root, calls
	}
	for _, end := range m.Evidence.Both() {
		for _, f := range callers(end.EndEvidence) {
			calls[f.Name] += float64(f.Calls)
		}
	}
	for _, end := range m.Evidence.Both() {
		hang(root, callers(end.EndEvidence), m.Functions, calls)
	}
	return root, calls
}

// callers are who called whom: of all functions, or else of those of the path.
func callers(end testbed.EndEvidence) []testbed.Frame {
	if end.Callers != nil {
		return end.Callers
	}
	var all []testbed.Frame
	for _, call := range end.Path {
		if call.Device == "" {
			all = append(all, testbed.Frame{Depth: call.Depth, Name: call.Name, Calls: 1})
		}
	}
	return all
}

func hang(root *stack, frames []testbed.Frame, own, calls map[string]float64) {
	type frame struct {
		at    *stack
		depth int
	}
	open := []frame{{root, math.MinInt}}
	for _, f := range frames {
		for open[len(open)-1].depth >= f.Depth {
			open = open[:len(open)-1]
		}
		at := open[len(open)-1].at.child(f.Name)
		if f.Calls > 0 {
			at.own += own[f.Name] * float64(f.Calls) / calls[f.Name]
		}
		open = append(open, frame{at, f.Depth})
	}
}

// folded writes stacks as other tools read them: names joined by semicolons, and
// instructions per thousand transactions, which are whole numbers.
func (s *stack) folded(above string, to *strings.Builder) {
	for _, name := range slices.Sorted(maps.Keys(s.children)) {
		child, here := s.children[name], above+name
		if n := math.Round(1000 * child.own); n > 0 {
			fmt.Fprintf(to, "%s %.0f\n", here, n)
		}
		child.folded(here+";", to)
	}
}

// stackFiles are the folded stacks of all modes that were counted, by file name.
func stackFiles(r testbed.Result) []file {
	var files []file
	for _, t := range r.Tests {
		for _, m := range t.Modes {
			if s := stacksOf(m); s != nil {
				var text strings.Builder
				s.folded("", &text)
				files = append(files, file{stackName(t, m), []byte(text.String())})
			}
		}
	}
	return files
}

func stackName(t testbed.TestResult, m testbed.ModeResult) string {
	parts := []string{"stacks", t.Name}
	for _, name := range slices.Sorted(maps.Keys(t.Cell)) {
		parts = append(parts, t.Cell[name])
	}
	return strings.Map(func(r rune) rune {
		if r == '/' || r < ' ' {
			return '_'
		}
		return r
	}, strings.Join(append(parts, m.Name, "folded"), "."))
}
