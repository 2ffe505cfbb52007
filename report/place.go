package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// place is as much of the host under a cell as makes its figures another kind than
// those of a cell elsewhere.
type place struct{ node, cpu, qemu string }

// placeOf is where a cell was measured. A count depends on each version of QEMU and on no
// host, for its guest has a processor of its own, and no time; a time depends on QEMU's
// major version.
func placeOf(r testbed.Result, cell map[string]string) place {
	node, facts := hostUnder(r, cell)
	version, _ := facts["qemu"].(string)
	if r.Backend == backendIcount {
		return place{qemu: version}
	}
	major, _, _ := strings.Cut(version, ".")
	return place{node: node, cpu: factText(facts["cpu_model"]), qemu: major}
}

// hostUnder is what the host is called on which a cell was measured, and what is known
// of it.
func hostUnder(r testbed.Result, cell map[string]string) (node string, facts map[string]any) {
	node, facts = r.Environment.Node, r.Environment.Host
	for _, c := range r.Environment.Cells {
		if maps.Equal(c.Cell, cell) {
			node, facts = c.Node, c.Host
		}
	}
	return node, facts
}

// NodeOf is what the host is called on which a cell was measured; empty where the result
// does not say.
func NodeOf(r testbed.Result, cell map[string]string) string {
	node, _ := hostUnder(r, cell)
	return node
}

func (p place) String() string {
	var parts []string
	for _, part := range []string{p.node, p.cpu} {
		if part != "" && part != none {
			parts = append(parts, part)
		}
	}
	if p.qemu != "" {
		parts = append(parts, "QEMU "+p.qemu)
	}
	return strings.Join(parts, ", ")
}

// samePlace sorts the cells of a test by where they were measured, in the order in which
// places first come; those of a result that is mixed are of one.
func samePlace(r testbed.Result, cells []testbed.TestResult) [][]testbed.TestResult {
	if r.Environment.Mixed {
		return [][]testbed.TestResult{cells}
	}
	var places []place
	var groups [][]testbed.TestResult
	for _, t := range cells {
		at := placeOf(r, t.Cell)
		i := slices.Index(places, at)
		if i < 0 {
			i = len(places)
			places, groups = append(places, at), append(groups, nil)
		}
		groups[i] = append(groups[i], t)
	}
	return groups
}

// Apart says that not all cells of a result may be compared with each other.
func Apart(r testbed.Result) bool {
	var places []place
	for _, t := range r.Tests {
		places = append(places, placeOf(r, t.Cell))
	}
	return slices.ContainsFunc(places, func(at place) bool { return at != places[0] })
}

// placesText says on which nodes the cells were measured, and how many on each; empty
// where nothing is known of nodes.
func placesText(r testbed.Result) string {
	cells := map[string]int{}
	for _, c := range r.Environment.Cells {
		cells[strings.TrimSpace(c.Node+" "+bracketed(factText(c.Host["cpu_model"])))]++
	}
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(cells)) {
		texts = append(texts, fmt.Sprintf("%s: %s", name, count(cells[name], "cell")))
	}
	return strings.Join(texts, "; ")
}

// mixedText warns of a result whose cells are compared although they should not be.
func mixedText(r testbed.Result) string {
	if !r.Environment.Mixed {
		return ""
	}
	return "forced: cells of different machines are compared with each other, and what differs between them may be the machine. " + placesText(r)
}
