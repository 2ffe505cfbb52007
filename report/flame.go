package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/report/figure"
	"github.com/testbed-lab/testbed/testbed"
)

// ExplainSVG draws where the instructions of what [Explain] compares go, as one flame graph
// that needs no page around it.
func ExplainSVG(w io.Writer, r testbed.Result, o ExplainOptions) error {
	c, err := explanationOf(r, o)
	if err != nil {
		return err
	}
	if c.other == nil {
		return errors.New("a flame graph is of one mode against another: name OTHER, or another cell (--against)")
	}
	if err := c.uncounted(); err != nil {
		return err
	}
	f := flameAgainst(c.one, *c.other)
	f.Title = c.title()
	_, err = fmt.Fprintln(w, f.SVG())
	return err
}

func flameAgainst(one, other testbed.ModeResult) figure.Flame {
	return figure.Flame{Mode: one.Name, Base: other.Name, Unit: testbed.UnitInstructions, Root: flameOf("all", stacksOf(one), stacksOf(other))}
}

// flames are a test's modes against host.
func flames(t testbed.TestResult) []figure.Flame {
	host := hostOf(t)
	var all []figure.Flame
	for _, m := range t.Modes {
		if m.Functions != nil && host.Functions != nil && m.Name != hostMode {
			all = append(all, flameAgainst(m, host))
		}
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
	for _, child := range slices.Sorted(maps.Keys(names)) {
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
