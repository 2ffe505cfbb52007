package report

import (
	"fmt"

	"github.com/testbed-lab/testbed/testbed"
)

// endCount is something that is counted of a transaction, at each end: events, calls, or
// counters of the kernel's, whose sum counts where there are several: a test is of TCP or
// of UDP.
type endCount struct {
	name        string // In the result.
	title, text string // Of a column, and of a line.
	event, call string
	counters    []string
}

// endCounts are in the order of columns.
var endCounts = []endCount{
	{name: "softirqs_raised", title: "raised", text: "softirqs raised (NET_RX, NET_TX)", event: "softirq_raise "},
	{name: "softirqs_ran", title: "ran", text: "softirqs that ran", event: "softirq_entry "},
	{name: "napi_polls", title: "polls", text: "NAPI polls", event: "napi_poll "},
	{name: "netif_rx", title: "netif_rx", text: "packets into a CPU's backlog (netif_rx)", event: "netif_rx "},
	{name: "netif_receive_skb", title: "receive", text: "packets taken up (netif_receive_skb)", event: "netif_receive_skb "},
	{name: "xmit", title: "xmit", text: "packets handed to a device (net_dev_start_xmit)", event: "net_dev_start_xmit "},
	{name: "qdisc", title: "qdisc", text: "qdisc passes (sch_direct_xmit)", call: "sch_direct_xmit"},
	{name: "conntrack", title: "conntrack", text: "conntrack passes (nf_conntrack_in)", call: "nf_conntrack_in"},
	{name: "nft", title: "nft", text: "nft chains (nft_do_chain)", call: "nft_do_chain"},
	{name: "context_switches", title: "switches", text: "context switches of the measuring thread", counters: []string{"context_switches"}},
	{name: "in", title: "in", text: "segments or datagrams in", counters: []string{"tcp_in_segs", "udp_in_datagrams"}},
	{name: "out", title: "out", text: "segments or datagrams out", counters: []string{"tcp_out_segs", "udp_out_datagrams"}},
}

// counterNames are the kernel's counters that evidence has, and of which block's they are
// made.
var counterNames = map[string][]string{
	"context_switches":         {"context_switches_voluntary", "context_switches_involuntary"},
	"machine_context_switches": {"machine_context_switches"},
	"softirq_net_rx":           {"softirq_net_rx"}, "softirq_net_tx": {"softirq_net_tx"},
	"tcp_in_segs": {"tcp_in_segs"}, "tcp_out_segs": {"tcp_out_segs"},
	"udp_in_datagrams": {"udp_in_datagrams"}, "udp_out_datagrams": {"udp_out_datagrams"},
}

// countersOf are an end's in a pass of events, per transaction; nil where it has none.
func countersOf(b testbed.Block, end string, transactions float64) map[string]float64 {
	if transactions == 0 {
		return nil
	}
	var all map[string]float64
	for name, parts := range counterNames {
		for _, part := range parts {
			if n, told := b.Counters[end+"."+part]; told {
				if all == nil {
					all = map[string]float64{}
				}
				all[name] += float64(n) / transactions
			}
		}
	}
	return all
}

// of is how often it was at an end; not known where nobody could count it.
func (c endCount) of(e testbed.EndEvidence) (n float64, known bool) {
	switch {
	case c.event != "":
		return sumOf(e.Events, c.event), len(e.Events) > 0
	case c.call != "":
		return e.Calls[c.call], e.Cycles > 0
	}
	for _, name := range c.counters {
		count, told := e.Counters[name]
		n, known = n+count, known || told
	}
	return n, known
}

// endsOf are the ends of which something was counted, or both as one where the kernel
// cannot tell them apart.
func endsOf(e testbed.ModeEvidence) (all []testbed.EndCounts) {
	if e.Together() {
		return []testbed.EndCounts{{End: "both", Counts: countsOf(e.Client, e.Server)}}
	}
	for _, end := range e.Both() {
		if counts := countsOf(end.EndEvidence); len(counts) > 0 {
			all = append(all, testbed.EndCounts{End: end.Name, Counts: counts})
		}
	}
	return all
}

func countsOf(ends ...testbed.EndEvidence) map[string]float64 {
	counts := map[string]float64{}
	for _, end := range ends {
		for _, c := range endCounts {
			if n, known := c.of(end); known {
				counts[c.name] += n
			}
		}
	}
	return counts
}

const endsCaption = "per transaction, counted after the timing, of all devices · raised, ran: softirqs NET_RX and NET_TX · polls: NAPI's · " +
	"receive: netif_receive_skb · xmit: net_dev_start_xmit · qdisc, conntrack, nft: calls of sch_direct_xmit, nf_conntrack_in, nft_do_chain · " +
	"switches: context switches of the measuring thread · in, out: TCP segments or UDP datagrams · both: the machines are one kernel's"

// endsTable is what each end of each mode did for a transaction; nil where nobody looked.
func endsTable(t testbed.TestResult) *table {
	d := table{
		Test: t.Name + ", each end", Cell: CellText(t.Cell), Caption: endsCaption,
		Columns: []column{modeField.column, {Name: "end", Title: "end", Left: true}},
	}
	for _, c := range endCounts {
		d.Columns = append(d.Columns, column{Name: c.name, Title: c.title})
	}
	for _, m := range t.Modes {
		if m.Status != testbed.StatusOK || m.Evidence == nil {
			continue
		}
		for i, end := range m.Evidence.Ends {
			r := row{Mode: m.Name, Status: m.Status, Host: m.Name == hostMode, Cells: []cell{{Text: m.Name}, {Text: end.End}}}
			for _, c := range endCounts {
				r.Cells = append(r.Cells, countedCell(end.Counts, c.name, fmt.Sprintf("evidence/ends/%d/counts/", i)))
			}
			d.Rows = append(d.Rows, r)
		}
	}
	if d.Rows == nil {
		return nil
	}
	return &d
}

func countedCell(counts map[string]float64, name, from string) cell {
	n, known := counts[name]
	if !known {
		return cell{Text: none}
	}
	return cell{countCell(&n), from + name}
}
