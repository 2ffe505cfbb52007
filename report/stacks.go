package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/report/figure"
	"github.com/testbed-lab/testbed/testbed"
)

// untraced is what the function graph does not see: who called it is not known.
const untraced = "(not traced)"

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

// stacksOf shares a mode's instructions by function among the places at which the
// traced path has the function. Nil where they were not counted.
func stacksOf(m testbed.ModeResult) *stack {
	if m.Functions == nil {
		return nil
	}
	root, calls := &stack{}, map[string]float64{}
	if m.Evidence != nil {
		calls = callsIn(m)
		for _, end := range m.Evidence.Ends() {
			hang(root, end.Path, m.Functions, calls)
		}
	}
	for name, n := range m.Functions {
		if calls[name] == 0 {
			root.child(untraced).child(name).own += n
		}
	}
	return root
}

func hang(root *stack, path []testbed.Call, own, calls map[string]float64) {
	type frame struct {
		at    *stack
		depth int
	}
	open := []frame{{root, math.MinInt}}
	for _, call := range path {
		if call.Device != "" {
			continue
		}
		for open[len(open)-1].depth >= call.Depth {
			open = open[:len(open)-1]
		}
		at := open[len(open)-1].at.child(call.Name)
		at.own += own[call.Name] / calls[call.Name]
		open = append(open, frame{at, call.Depth})
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

// flames are a test's modes against host.
func flames(t testbed.TestResult) []figure.Flame {
	base := stacksOf(hostOf(t))
	var all []figure.Flame
	for _, m := range t.Modes {
		s := stacksOf(m)
		if s == nil || base == nil || m.Name == hostMode {
			continue
		}
		all = append(all, figure.Flame{Mode: m.Name, Base: hostMode, Unit: latencyUnit(t.Unit), Root: flameOf("all", s, base)})
	}
	return all
}

// flameOf joins two trees: what is in either is in it.
func flameOf(name string, s, base *stack) figure.Frame {
	f := figure.Frame{Name: name, Value: s.own, Base: base.own}
	names := map[string]bool{}
	for child := range s.children {
		names[child] = true
	}
	for child := range base.children {
		names[child] = true
	}
	for child := range names {
		f.Children = append(f.Children, flameOf(child, orNone(s.children[child]), orNone(base.children[child])))
	}
	for _, child := range f.Children {
		f.Value, f.Base = f.Value+child.Value, f.Base+child.Base
	}
	slices.SortFunc(f.Children, func(a, b figure.Frame) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), strings.Compare(a.Name, b.Name))
	})
	return f
}

func orNone(s *stack) *stack {
	if s == nil {
		return &stack{}
	}
	return s
}
