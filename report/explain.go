package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// ExplainOptions say what is explained of a result, and how.
type ExplainOptions struct {
	Test string // Empty: the first that has the modes.
	Mode string
	// Other is compared with Mode: what Mode does and Other does not. Optional.
	Other string
	// Cell picks one of a matrix, "NAME=VALUE" of a coordinate. Empty: the first.
	Cell string
	// Against is another cell: what Mode does in Cell and not there. Optional, and
	// without Other.
	Against string
	All     bool // Every call of a path or function, not the landmarks or the first alone.
}

// Explain prints the path of one transaction through a mode as an indented trace,
// or what one mode does that another does not, in calls. Its error names what the
// result does not have.
func Explain(w io.Writer, r testbed.Result, o ExplainOptions) error {
	c, err := explanationOf(r, o)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if c.other == nil {
		err = explainOne(&b, c.test, c.one, o.All)
	} else {
		err = explainTwo(&b, c, o.All)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// explanation is of a mode and what it is compared with, if it is: another mode, or itself in
// another cell. The two are called by what sets them apart.
type explanation struct {
	test  testbed.TestResult
	one   testbed.ModeResult
	other *testbed.ModeResult
	mode  string // Whose two cells they are; empty of two modes.
	cells [2]string
}

func explanationOf(r testbed.Result, o ExplainOptions) (c explanation, err error) {
	if c.test, c.one, err = explained(r, o.Test, o.Cell, o.Mode); err != nil || o.Other == "" && o.Against == "" {
		return c, err
	}
	cell, name := o.Cell, o.Other
	if o.Against != "" {
		cell, name = o.Against, o.Mode
	}
	test, other, err := explained(r, c.test.Name, cell, name)
	if err != nil {
		return c, err
	}
	c.other = &other
	if o.Against != "" {
		c.mode, c.cells = o.Mode, [2]string{CellText(c.test.Cell), CellText(test.Cell)}
		c.one.Name, other.Name = cellValues(c.test.Cell), cellValues(test.Cell)
	}
	return c, nil
}

// title says what is compared where instructions were counted.
func (c explanation) title() string {
	what := fmt.Sprintf("%s against %s in %s", c.one.Name, c.other.Name, c.test.Name)
	if c.mode != "" {
		what = fmt.Sprintf("%s in %s, %s against %s", c.mode, c.test.Name, c.cells[0], c.cells[1])
	}
	return what + ": instructions per transaction, both ends"
}

// uncounted says which of the two has no instructions by function, and why.
func (c explanation) uncounted() error {
	for _, m := range []testbed.ModeResult{c.one, *c.other} {
		if m.Functions == nil {
			return fmt.Errorf("%s has no instructions by function of %s: %s", c.test.Name, firstOf(c.mode, m.Name),
				firstOf(m.Uncounted, "run with --backend icount"))
		}
	}
	return nil
}

// inCellNamed says whether a test's cell is meant by "NAME=VALUE"; any is by "".
func inCellNamed(t testbed.TestResult, cell string) bool {
	name, value, _ := strings.Cut(cell, "=")
	return cell == "" || t.Cell[name] == value && value != ""
}

// noEvidenceAsked is why nobody looked.
const noEvidenceAsked = "the test has evidence = false"

func explained(r testbed.Result, test, cell, mode string) (testbed.TestResult, testbed.ModeResult, error) {
	var names, tests, cells []string
	var unseen error
	for _, t := range r.Tests {
		tests = append(tests, t.Name)
		if test != "" && t.Name != test {
			continue
		}
		if !inCellNamed(t, cell) {
			cells = append(cells, CellText(t.Cell))
			continue
		}
		for _, m := range t.Modes {
			names = append(names, m.Name)
			if m.Name != mode {
				continue
			}
			if m.Evidence != nil || m.Functions != nil {
				return t, m, nil
			}
			unseen = fmt.Errorf("the result has no evidence of mode %q in test %q: %s", mode, t.Name,
				firstOf(m.Reason, m.Uncounted, noEvidenceAsked))
		}
	}
	if unseen != nil {
		return testbed.TestResult{}, testbed.ModeResult{}, unseen
	}
	if names == nil && cells != nil {
		return testbed.TestResult{}, testbed.ModeResult{}, fmt.Errorf("the result has no cell %q; it has %s", cell, strings.Join(slices.Compact(cells), "; "))
	}
	if names == nil {
		return testbed.TestResult{}, testbed.ModeResult{}, fmt.Errorf("the result has no test %q; it has %s", test, strings.Join(tests, ", "))
	}
	slices.Sort(names)
	return testbed.TestResult{}, testbed.ModeResult{}, fmt.Errorf("the result has no mode %q; it has %s", mode, strings.Join(slices.Compact(names), ", "))
}

func explainOne(b *bytes.Buffer, t testbed.TestResult, m testbed.ModeResult, all bool) error {
	if m.Functions != nil {
		fmt.Fprintf(b, "%s in %s: instructions per transaction, both ends, by function\n\n", m.Name, t.Name)
		writeShares(b, m, nil, all)
	}
	if m.Evidence == nil {
		return nil
	}
	if m.Functions != nil {
		b.WriteByte('\n')
	}
	shown := 0
	fmt.Fprintf(b, "%s in %s: one transaction, as it was traced\n", m.Name, t.Name)
	for _, end := range m.Evidence.Ends() {
		if len(end.Path) == 0 {
			continue
		}
		shown++
		fmt.Fprintf(b, "\n%s\n", end.Name)
		writePath(b, end.Path, all)
	}
	if shown == 0 {
		why := slices.Concat(m.Evidence.Client.Unavailable, m.Evidence.Server.Unavailable)
		return fmt.Errorf("the result has no path of mode %q: %s", m.Name, strings.Join(why, "; "))
	}
	return nil
}

// landmark are functions by which a person knows where a packet is; the others
// only lead there.
var landmark = regexp.MustCompile(`^(tcp_(sendmsg|recvmsg|v4_rcv|write_xmit|ack|rcv_established)|udp_(sendmsg|recvmsg|rcv)|__?ip_queue_xmit|ip_(rcv|forward|output|local_out|local_deliver|finish_output)$` +
	`|ip_list_rcv|__dev_queue_xmit|dev_hard_start_xmit|sch_direct_xmit|.*_start_xmit$|start_xmit|.*_poll$|__napi_poll|net_rx_action|process_backlog|enqueue_to_backlog|netif_rx|__netif_receive_skb$` +
	`|nf_hook_slow|nft_do_chain|nf_conntrack_in|nf_nat_(inet_fn|ipv4_.*|packet)|ip_vs_.*|br_(handle_frame|forward|pass_frame_up|dev_xmit|nf_.*)` +
	`|veth_.*|macvlan_.*|ipvlan_.*|netkit_.*|vxlan_.*|geneve_.*|wg_.*|tcf_classify|skb_do_redirect|arp_.*|neigh_resolve_output|xdp_.*)$`)

// writePath indents by what is shown, not by what was called.
func writePath(b *bytes.Buffer, path []testbed.Call, all bool) {
	var open []int // Depths of the calls that are shown and not over.
	for _, call := range path {
		if !all && call.Device == "" && !landmark.MatchString(call.Name) {
			continue
		}
		for len(open) > 0 && open[len(open)-1] >= call.Depth {
			open = open[:len(open)-1]
		}
		indent := strings.Repeat("  ", len(open)+1)
		if call.Device != "" {
			fmt.Fprintf(b, "%s· %s (%s)\n", indent, call.Device, call.Name)
			continue
		}
		fmt.Fprintf(b, "%s%s\n", indent, call.Name)
		open = append(open, call.Depth)
	}
}

// explainTwo lists functions that one mode calls more often than the other, the
// largest difference first, of both ends together.
func explainTwo(b *bytes.Buffer, c explanation, all bool) error {
	one, other := c.one, *c.other
	none := c.uncounted()
	if none == nil {
		b.WriteString(c.title() + "\n\n")
		writeShares(b, one, &other, all)
		return nil
	}
	if c.mode != "" {
		return none
	}
	if one.Evidence == nil || other.Evidence == nil {
		return fmt.Errorf("there is no evidence of both modes in test %q: it has evidence = false", c.test.Name)
	}
	mine, others := callsTogether(*one.Evidence), callsTogether(*other.Evidence)
	if len(mine) == 0 || len(others) == 0 {
		why := slices.Concat(one.Evidence.Client.Unavailable, other.Evidence.Client.Unavailable)
		return fmt.Errorf("no calls were traced: %s", strings.Join(why, "; "))
	}
	type change struct {
		name       string
		from, to   float64
		difference float64
	}
	var more, less []change
	both := maps.Clone(mine)
	maps.Copy(both, others)
	for name := range both {
		c := change{name, others[name], mine[name], mine[name] - others[name]}
		switch {
		case c.difference > 0:
			more = append(more, c)
		case c.difference < 0:
			less = append(less, c)
		}
	}
	fmt.Fprintf(b, "%s against %s in %s: calls per transaction, both ends, medians\n", one.Name, other.Name, c.test.Name)
	for _, part := range []struct {
		title string
		all   []change
	}{{one.Name + " does more", more}, {one.Name + " does less", less}} {
		if len(part.all) == 0 {
			continue
		}
		slices.SortFunc(part.all, func(a, b change) int {
			return cmp.Or(cmp.Compare(max(b.difference, -b.difference), max(a.difference, -a.difference)), strings.Compare(a.name, b.name))
		})
		sum := 0.0
		for _, c := range part.all {
			sum += c.difference
		}
		fmt.Fprintf(b, "\n%s: %+g calls of %d functions\n", part.title, sum, len(part.all))
		for _, c := range part.all {
			fmt.Fprintf(b, "  %+5g  %-44s %g → %g\n", c.difference, c.name, c.from, c.to)
		}
	}
	if more == nil && less == nil {
		fmt.Fprintf(b, "\nno difference\n")
	}
	if why := firstOf(one.Uncounted, other.Uncounted); why != "" {
		fmt.Fprintf(b, "\nno instructions by function: %s\n", why)
	}
	return nil
}

func callsTogether(e testbed.ModeEvidence) map[string]float64 {
	all := map[string]float64{}
	for _, end := range e.Ends() {
		for name, n := range end.Calls {
			all[name] += n
		}
	}
	return all
}
