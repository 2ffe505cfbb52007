package report

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// explainOne says what was counted of a transaction at each end, and the path of one.
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
	writeEnds(b, t, m)
	if why := explainPath(b, t, m, all); why != "" {
		if len(m.Evidence.Ends) == 0 {
			return fmt.Errorf("the result has no path of mode %q: %s", m.Name, why)
		}
		fmt.Fprintf(b, "no path of one: %s\n", why)
	}
	return nil
}

// writeEnds is the counts of a transaction, an end a column.
func writeEnds(b *bytes.Buffer, t testbed.TestResult, m testbed.ModeResult) {
	ends := m.Evidence.Ends
	if len(ends) == 0 {
		return
	}
	line := func(text string, of func(testbed.EndCounts) string) {
		fmt.Fprintf(b, "  %-48s", text)
		for _, end := range ends {
			fmt.Fprintf(b, "%9s", of(end))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "%s in %s: per transaction, of all devices, as it was counted\n\n", m.Name, t.Name)
	line("", func(end testbed.EndCounts) string {
		return map[string]string{"both": "both ends"}[end.End] + map[bool]string{true: end.End}[end.End != "both"]
	})
	for _, c := range endCounts {
		line(c.text, func(end testbed.EndCounts) string { return countedCell(end.Counts, c.name, "").Text })
	}
	b.WriteByte('\n')
}

// explainPath prints the path at each end; otherwise it says why there is none.
func explainPath(b *bytes.Buffer, t testbed.TestResult, m testbed.ModeResult, all bool) (why string) {
	if len(m.Evidence.Client.Path)+len(m.Evidence.Server.Path) == 0 {
		reasons := slices.Concat(m.Evidence.Client.Unavailable, m.Evidence.Server.Unavailable)
		return firstOf(strings.Join(reasons, "; "), "no whole transaction was traced")
	}
	fmt.Fprintf(b, "%s in %s: one transaction, as it was traced\n", m.Name, t.Name)
	for _, end := range m.Evidence.Both() {
		if len(end.Path) == 0 {
			continue
		}
		s := newStages(t.Protocol, end)
		fmt.Fprintf(b, "\n%s\n", s.title)
		writePath(b, end.Path, s, all)
	}
	return ""
}

// landmark are functions by which a person knows where a packet is; the others
// only lead there.
var landmark = regexp.MustCompile(`^(tcp_(sendmsg|recvmsg|v4_rcv|write_xmit|ack|rcv_established)|udp_(sendmsg|recvmsg|rcv)|__?ip_queue_xmit|ip_(rcv|forward|output|local_out|local_deliver|finish_output)$` +
	`|ip_list_rcv|__dev_queue_xmit|dev_hard_start_xmit|sch_direct_xmit|.*_start_xmit$|start_xmit|.*_poll$|__napi_poll|net_rx_action|process_backlog|enqueue_to_backlog|netif_rx|__netif_receive_skb$` +
	`|nf_hook_slow|nft_do_chain|nf_conntrack_in|nf_nat_(inet_fn|ipv4_.*|packet)|ip_vs_.*|br_(handle_frame|forward|pass_frame_up|dev_xmit|nf_.*)` +
	`|veth_.*|macvlan_.*|ipvlan_.*|netkit_.*|vxlan_.*|geneve_.*|wg_.*|tcf_classify|skb_do_redirect|arp_.*|neigh_resolve_output|xdp_.*|sock_def_readable)$`)

// writePath indents by what is shown, not by what was called. What a transaction has come
// to stands at the margin.
func writePath(b *bytes.Buffer, path []testbed.Call, s *stages, all bool) {
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
		before, after := s.at(call.Name)
		b.WriteString(before)
		fmt.Fprintf(b, "%s%s\n", indent, call.Name)
		b.WriteString(after)
		open = append(open, call.Depth)
	}
}

// stages tell a request from its response in a path: by the functions with which a process
// sends, and the one that says to a process that its socket can be read.
type stages struct {
	title    string
	role     string // client, server, or both.
	connects bool   // Then a listening socket's can be read too, of a connection.
	sends    int    // So far.
}

func newStages(protocol string, end testbed.NamedEnd) *stages {
	s := &stages{title: end.Name, role: end.Name, connects: protocol == "tcp_crr"}
	sends := 0
	for _, call := range end.Path {
		if isSend(call.Name) {
			sends++
		}
	}
	if sends > 1 && !s.connects {
		s.title, s.role = "client and server, of one kernel", "both"
	}
	return s
}

func isSend(function string) bool { return function == "tcp_sendmsg" || function == "udp_sendmsg" }

// at is what to say before a call and behind it.
func (s *stages) at(function string) (before, after string) {
	switch {
	case isSend(function):
		s.sends++
		if s.role == "server" || s.sends == 2 {
			return "← the server sends the response\n", ""
		}
		return "→ the client sends the request\n", ""
	case function != "sock_def_readable" || s.connects:
		return "", ""
	case s.role == "server" || s.role == "both" && s.sends == 1:
		return "", "→ the request is at the server's socket\n"
	}
	return "", "← the response is at the client's socket\n"
}
