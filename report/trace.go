package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// A number in the page says where it stands in result.json, by JSON pointers (RFC 6901)
// in the attribute data-from. Fields give them from their mode ("p50/estimate"); one that
// begins with / is from the test, with host/ from host's mode.

// at is a place that does not depend on the mode.
func at(paths ...string) func(testbed.ModeResult) string {
	return func(testbed.ModeResult) string { return strings.Join(paths, " ") }
}

// ratioFrom: host's is 1 by definition.
func ratioFrom(m testbed.ModeResult) string {
	if m.Name == hostMode {
		return ""
	}
	return "ratio_to_host/p50/estimate"
}

// intervalFrom is where the interval of [ratioShown] stands.
func intervalFrom(m testbed.ModeResult) string {
	if m.Name == hostMode {
		return "/noise_floor/lo /noise_floor/hi"
	}
	return "ratio_to_host/p50/lo ratio_to_host/p50/hi"
}

// moreFrom is where a count beyond host's comes from.
func moreFrom(path string) func(testbed.ModeResult) string { return at(path, "host/"+path) }

// besideFrom is a place in what another engine saw.
func besideFrom(engine string, paths ...string) func(testbed.ModeResult) string {
	return func(m testbed.ModeResult) string {
		i := slices.IndexFunc(m.Beside, func(e testbed.EngineResult) bool { return e.Engine == engine })
		all := slices.Clone(paths)
		for k, path := range all {
			all[k] = fmt.Sprintf("beside/%d/%s", i, path)
		}
		return strings.Join(all, " ")
	}
}

// testAt is a test's place in the result.
func testAt(i int) string { return fmt.Sprintf("/tests/%d", i) }

// modeAt is a mode's place in its test.
func modeAt(t testbed.TestResult, name string) string {
	return fmt.Sprintf("/modes/%d", slices.IndexFunc(t.Modes, func(m testbed.ModeResult) bool { return m.Name == name }))
}

// pointers makes a field's places absolute.
func pointers(from, at string, t testbed.TestResult, mode string) string {
	all := strings.Fields(from)
	for i, path := range all {
		switch below, isHost := strings.CutPrefix(path, "host/"); {
		case isHost:
			all[i] = at + modeAt(t, hostMode) + "/" + below
		case strings.HasPrefix(path, "/"):
			all[i] = at + path
		default:
			all[i] = at + modeAt(t, mode) + "/" + path
		}
	}
	return strings.Join(all, " ")
}

// locate makes the places in a table, and in those that belong to it, absolute.
func (d *table) locate(at string, t testbed.TestResult) {
	for _, r := range d.Rows {
		for i, c := range r.Cells {
			r.Cells[i].From = pointers(c.From, at, t, r.Mode)
		}
	}
	if d.Price != nil {
		for _, r := range d.Price.Rows {
			for i, c := range r.Cells {
				r.Cells[i].From = pointers(c.From, at, t, r.Mode)
			}
		}
	}
	for i, p := range d.Paragraphs {
		d.Paragraphs[i].From = pointers(p.From, at, t, p.Mode)
	}
	for _, other := range []*table{d.Why, d.Ends, d.Details} {
		if other != nil {
			other.locate(at, t)
		}
	}
	for i := range d.Beside {
		d.Beside[i].locate(at, t)
	}
}

// answerFrom are the places of the tests that the answer is about.
func answerFrom(r testbed.Result) string {
	places := []string{}
	for i, t := range r.Tests {
		if t.Name == r.Tests[0].Name {
			places = append(places, testAt(i))
		}
	}
	return strings.Join(places, " ")
}
