package report

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// looked adds passes to the typical lab: routed queues two packets more than host
// and calls veth_xmit.
func looked(t testing.TB) []testbed.Block {
	blocks := typical().input(t).Blocks
	pass := func(mode, kind string, client testbed.EndEvidence) testbed.Block {
		return testbed.Block{
			Test: blocks[0].Test, Cell: blocks[0].Cell, Mode: mode, Status: testbed.StatusOK, Pass: kind,
			Mean: 500e3, Transactions: 16, Client: &client, Server: &testbed.EndEvidence{Unavailable: []string{"no tracefs"}},
		}
	}
	events := func(backlog float64) testbed.EndEvidence {
		return testbed.EndEvidence{Unavailable: []string{}, Events: map[string]float64{
			"softirq_entry NET_RX": 2, "netif_rx tbv-eth1": backlog, "net_dev_queue eth1": 1}}
	}
	graph := func(path ...testbed.Call) testbed.EndEvidence {
		e := testbed.EndEvidence{Unavailable: []string{}, Cycles: 15, Calls: map[string]float64{}, Path: path}
		for _, call := range path {
			if call.Device == "" {
				e.Calls[call.Name]++
			}
		}
		return e
	}
	send := testbed.Call{Name: "tcp_sendmsg"}
	return append(blocks,
		pass("host", "events", events(0)), pass("routed", "events", events(2)),
		pass("host", "graph", graph(send, testbed.Call{Depth: 1, Name: "lock"})),
		pass("routed", "graph", graph(send, testbed.Call{Depth: 1, Name: "helper"}, testbed.Call{Depth: 2, Name: "veth_xmit"},
			testbed.Call{Depth: 3, Name: "netif_rx", Device: "tbv-eth1"})),
	)
}

func explainable(t testing.TB) testbed.Result {
	in := typical().input(t)
	in.Blocks = looked(t)
	r, err := Analyze(in)
	require.NoError(t, err)
	return r
}

func modeNamed(t testing.TB, r testbed.Result, name string) testbed.ModeResult {
	for _, m := range r.Tests[0].Modes {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no mode %s", name)
	return testbed.ModeResult{}
}

func TestEvidenceIsJoined(t *testing.T) {
	r := explainable(t)
	routed := modeNamed(t, r, "routed")
	require.NotNil(t, routed.Evidence)
	assert.Equal(t, 2.0, *routed.Evidence.Softirqs)
	assert.Equal(t, 2.0, *routed.Evidence.Backlog)
	assert.Equal(t, 3.0, *routed.Evidence.Calls)
	assert.Equal(t, []string{"no tracefs"}, routed.Evidence.Server.Unavailable)
	assert.InDelta(t, (500e3-*routed.Mean.Estimate)/3, *routed.Evidence.CallCost, 1)
	plain := typical().result(t)
	assert.Equal(t, modeNamed(t, plain, "routed").P50, routed.P50, "passes measure nothing")
	text, err := JSON(r)
	require.NoError(t, err)
	assert.NoError(t, validate(t, text))
}

func TestADisprovedModeIsFailed(t *testing.T) {
	in := typical().input(t)
	in.Blocks = append(in.Blocks, testbed.Block{Test: in.Blocks[0].Test, Cell: in.Blocks[0].Cell, Mode: "routed",
		Status: testbed.StatusFailed, Reason: "declared veth routed, but packets crossed docker0", Pass: "events"})
	r, err := Analyze(in)
	require.NoError(t, err)
	routed := modeNamed(t, r, "routed")
	assert.Equal(t, testbed.StatusFailed, routed.Status)
	assert.Contains(t, routed.Reason, "docker0")
}

// TestProbesThatBreakDown leave what was timed as it is, and are told of.
func TestProbesThatBreakDown(t *testing.T) {
	in := typical().input(t)
	in.Blocks = append(in.Blocks, testbed.Block{Test: in.Blocks[0].Test, Cell: in.Blocks[0].Cell, Mode: "routed",
		Status: testbed.StatusFailed, Reason: "client: listen: no", Pass: "capability"})
	r, err := Analyze(in)
	require.NoError(t, err)
	assert.Equal(t, testbed.StatusOK, modeNamed(t, r, "routed").Status)
	assert.Contains(t, r.Warnings, "tcp_rr: routed: what works in it was not probed: client: listen: no")
}

func textsOf(cells []cell) (texts []string) {
	for _, c := range cells {
		texts = append(texts, c.Text)
	}
	return texts
}

func TestWhyTable(t *testing.T) {
	w := whyTable(explainable(t).Tests[0])
	require.NotNil(t, w)
	require.Len(t, w.Rows, 2, "a mode that nobody looked at has no row")
	assert.Equal(t, []string{"host", "1", "2.0", "", "0.0", "", "2.0", ""}, textsOf(w.Rows[0].Cells))
	cells := w.Rows[1].Cells
	assert.Equal(t, []string{"2.0", "0", "2.0", "+2.0", "3.0", "+1.0"}, textsOf(cells[2:]))
	assert.Equal(t, "evidence/backlog host/evidence/backlog", cells[5].From)
	assert.Nil(t, whyTable(typical().result(t).Tests[0]))
}

func TestExplain(t *testing.T) {
	r := explainable(t)
	explain := func(o ExplainOptions) (string, error) {
		var b bytes.Buffer
		err := Explain(&b, r, o)
		return b.String(), err
	}
	path, err := explain(ExplainOptions{Mode: "routed"})
	require.NoError(t, err)
	assert.Contains(t, path, "\nclient\n→ the client sends the request\n  tcp_sendmsg\n    veth_xmit\n      · tbv-eth1 (netif_rx)\n")
	all, err := explain(ExplainOptions{Mode: "routed", All: true})
	require.NoError(t, err)
	assert.Contains(t, all, "\n    helper\n      veth_xmit\n")
	two, err := explain(ExplainOptions{Mode: "routed", Other: "host"})
	require.NoError(t, err)
	assert.Regexp(t, `routed does more: \+2 calls of 2 functions\n +\+1 +helper +0 → 1\n +\+1 +veth_xmit +0 → 1\n\nrouted does less: -1 calls of 1 function\n +-1 +lock +1 → 0\n`, two)
	same, err := explain(ExplainOptions{Mode: "host", Other: "host"})
	require.NoError(t, err)
	assert.Contains(t, same, "no difference")

	for want, o := range map[string]ExplainOptions{
		`no mode "x"; it has`:           {Mode: "x"},
		`no test "x"; it has tcp_rr`:    {Mode: "routed", Test: "x"},
		`no evidence of mode "macvlan"`: {Mode: "macvlan"},
	} {
		_, err := explain(o)
		assert.ErrorContains(t, err, want)
	}
}

// TestExplainStages: of one kernel's trace the second send is the server's, and what
// arrives is told by who has sent.
func TestExplainStages(t *testing.T) {
	path := []testbed.Call{{Name: "tcp_sendmsg"}, {Depth: 1, Name: "sock_def_readable"}, {Name: "tcp_sendmsg"}, {Depth: 1, Name: "sock_def_readable"}}
	draw := func(protocol, role string, path ...testbed.Call) string {
		var b bytes.Buffer
		s := newStages(protocol, testbed.NamedEnd{Name: role, EndEvidence: testbed.EndEvidence{Path: path}})
		b.WriteString(s.title + "\n")
		writePath(&b, path, s, false)
		return b.String()
	}
	assert.Equal(t, `client and server, of one kernel
→ the client sends the request
  tcp_sendmsg
    sock_def_readable
→ the request is at the server's socket
← the server sends the response
  tcp_sendmsg
    sock_def_readable
← the response is at the client's socket
`, draw("tcp_rr", "client", path...))
	assert.Equal(t, "client\n→ the client sends the request\n  tcp_sendmsg\n    sock_def_readable\n← the response is at the client's socket\n",
		draw("tcp_rr", "client", path[:2]...))
	assert.Equal(t, "server\n  sock_def_readable\n→ the request is at the server's socket\n← the server sends the response\n  tcp_sendmsg\n",
		draw("tcp_rr", "server", path[1], path[2]))
	assert.NotContains(t, draw("tcp_crr", "client", path[:2]...), "is at", "a listening socket is readable of a connection")
}

// TestEachEnd: what was counted is in the result by the end, once for one kernel.
func TestEachEnd(t *testing.T) {
	client := testbed.EndEvidence{
		Events: map[string]float64{"softirq_raise NET_RX": 2, "netif_rx eth1": 1, "netif_rx tbv-eth1": 1}, Cycles: 15,
		Calls: map[string]float64{"nf_conntrack_in": 2}, Counters: map[string]float64{"context_switches": 1, "tcp_in_segs": 1, "udp_in_datagrams": 0},
	}
	server := testbed.EndEvidence{Counters: map[string]float64{"context_switches": 1.5}}
	e := testbed.ModeEvidence{Client: client, Server: server}
	apart := endsOf(e)
	require.Len(t, apart, 2)
	assert.Equal(t, map[string]float64{
		"softirqs_raised": 2, "softirqs_ran": 0, "napi_polls": 0, "netif_rx": 2, "netif_receive_skb": 0, "xmit": 0,
		"qdisc": 0, "conntrack": 2, "nft": 0, "context_switches": 1, "in": 1,
	}, apart[0].Counts, "what nobody counted is absent")
	assert.Equal(t, testbed.EndCounts{End: "server", Counts: map[string]float64{"context_switches": 1.5}}, apart[1])
	e.Server.Shared = true
	together := endsOf(e)
	require.Len(t, together, 1)
	assert.Equal(t, 2.5, together[0].Counts["context_switches"])

	b := testbed.Block{Transactions: 4, Counters: map[string]int64{
		"client.context_switches_voluntary": 4, "client.context_switches_involuntary": 2, "client.tcp_out_segs": 4, "server.tcp_out_segs": 9}}
	assert.Equal(t, map[string]float64{"context_switches": 1.5, "tcp_out_segs": 1}, countersOf(b, "client", 4))
	assert.Nil(t, countersOf(b, "server", 0), "an end that did not say how many")
}

// TestExplainEnds: what was counted is told also where no path could be traced.
func TestExplainEnds(t *testing.T) {
	r := explainable(t)
	var b bytes.Buffer
	require.NoError(t, Explain(&b, r, ExplainOptions{Mode: "routed"}))
	assert.Regexp(t, `routed in tcp_rr: per transaction.*\n\n +client\n  softirqs raised \(NET_RX, NET_TX\) +0\.0\n  softirqs that ran +2\.0\n`, b.String())
	assert.Contains(t, b.String(), "segments or datagrams out                               —\n")
	for i := range r.Tests[0].Modes {
		if e := r.Tests[0].Modes[i].Evidence; e != nil {
			e.Client.Path, e.Client.Unavailable = nil, []string{"this kernel has no function graph tracer"}
		}
	}
	b.Reset()
	require.NoError(t, Explain(&b, r, ExplainOptions{Mode: "routed"}))
	assert.Contains(t, b.String(), "\nno path of one: this kernel has no function graph tracer; no tracefs\n")
	err := Explain(&b, r, ExplainOptions{Mode: "routed", Cell: "kernel=x"})
	assert.EqualError(t, err, `the result has no cell "kernel=x"; its lab has no matrix, so leave --cell out`)
}

func TestEvidenceCanBeExpected(t *testing.T) {
	trials, _ := group(typical().lab(), looked(t))
	c := newCourt(typical().lab().Cells[0], trials)
	for name, want := range map[string]float64{"softirqs": 2, "backlog": 2, "calls": 3} {
		r := c.find(testbed.Metric{Function: name, Test: "tcp_rr", Mode: "routed"})
		require.NotNil(t, r.of, name)
		assert.Equal(t, want, r.of(nil), name)
		assert.Contains(t, c.find(testbed.Metric{Function: name, Test: "tcp_rr", Mode: "macvlan"}).why, name+" of macvlan were not counted")
	}
}

// TestParagraphs are made of what was found, and of nothing where nothing was.
func TestParagraphs(t *testing.T) {
	blocks := looked(t)
	in := typical().input(t)
	in.Blocks = append(blocks, testbed.Block{Test: blocks[0].Test, Cell: blocks[0].Cell, Mode: "macvlan", Status: testbed.StatusOK, Pass: "capability",
		Capabilities: []testbed.Capability{{Name: "sibling", Answer: testbed.Works, Observation: "a", Control: "b"}, {Name: "filter", Answer: testbed.Fails, Observation: "c"}}})
	r, err := Analyze(in)
	require.NoError(t, err)
	all := paragraphs(r.Tests[0])
	require.Len(t, all, 2)
	assert.Regexp(t, `^routed costs 1\d\.\d% over host at p50 \(95% interval .*\)\. Against host's, a transaction puts \+2\.0 packets into a CPU's backlog, runs 0 softirqs and makes \+1\.0 calls of the network stack's functions\. On its way it passes a veth pair \(veth_xmit once\)\.$`, all[0].Text)
	quiet := r.Tests[0]
	quiet.Modes = slices.Clone(quiet.Modes)
	for i := range quiet.Modes {
		quiet.Modes[i].Evidence, quiet.Modes[i].Capabilities = nil, nil
	}
	assert.Empty(t, paragraphs(quiet), "no evidence, no sentence")
	assert.Nil(t, priceOf(quiet), "and no matrix")
	assert.Regexp(t, `Works: sibling\. Fails: filter\.$`, all[1].Text)
	assert.Empty(t, paragraphs(typical().result(t).Tests[0]))

	p := priceOf(r.Tests[0])
	require.NotNil(t, p)
	require.Len(t, p.Rows, 3)
	for _, row := range p.Rows {
		require.Len(t, row.Cells, len(p.Columns))
	}
	i := slices.IndexFunc(p.Columns, func(c priceColumn) bool { return c.Title == "sibling" })
	assert.Equal(t, priceCell{Text: "✓", Class: testbed.Works, From: "capabilities/0", Lines: []string{"a", "control: b"}}, p.Rows[2].Cells[i])
	var page bytes.Buffer
	require.NoError(t, HTML(&page, r, in.Blocks))
	assert.Contains(t, page.String(), `<td class="works" data-from="/tests/0/modes/3/capabilities/0"><details><summary>✓</summary><ul><li>a</li><li>control: b</li></ul></details></td>`)
	var text bytes.Buffer
	require.NoError(t, Markdown(&text, r))
	assert.Regexp(t, `what it costs, and what works\n\n\| mode .*\n.*\n(\| \S+ \| \S+ \[\S+, \S+\] \|.*\n){3}`, text.String(), "with intervals")
	why := slices.IndexFunc(p.Columns, func(c priceColumn) bool { return c.Title == "calls +" })
	assert.Equal(t, none, p.Rows[0].Cells[why].Text)
	assert.NotEmpty(t, p.Rows[0].Cells[why].Lines, "host's opens to what the others' are counted from")

	c := newCourt(in.Lab.Cells[0], first(group(in.Lab, in.Blocks)))
	assert.Equal(t, 1.0, c.find(testbed.Metric{Function: "capability", Mode: "macvlan", Name: "sibling"}).of(nil))
	assert.Equal(t, 0.0, c.find(testbed.Metric{Function: "capability", Test: "tcp_rr", Mode: "macvlan", Name: "filter"}).of(nil))
	assert.Contains(t, c.find(testbed.Metric{Function: "capability", Mode: "macvlan", Name: "service"}).why, "service_request of macvlan was not probed")
}

// TestCapabilitiesAreJudged without a test's name, and without rounds.
func TestCapabilitiesAreJudged(t *testing.T) {
	in := typical().input(t)
	in.Blocks = append(in.Blocks, testbed.Block{Test: in.Blocks[0].Test, Cell: in.Blocks[0].Cell, Mode: "macvlan", Status: testbed.StatusOK, Pass: "capability",
		Capabilities: []testbed.Capability{{Name: "sibling", Answer: testbed.Works}, {Name: "filter", Answer: testbed.StatusUnsupported, Observation: "no"}}})
	in.Lab.Expectations = []testbed.Expectation{{Name: "sibling"}, {Name: "filter"}}
	ask := func(name string) testbed.Predicate {
		return func(lookup testbed.Lookup) testbed.Truth {
			value, known := lookup(testbed.Metric{Function: "capability", Mode: "macvlan", Name: name})
			switch {
			case !known:
				return testbed.Unknown
			case value != 0:
				return testbed.True
			}
			return testbed.False
		}
	}
	verdicts := Judge(in.Lab, [][]testbed.Predicate{{ask("sibling"), ask("filter")}}, in.Blocks)
	require.Len(t, verdicts, 2)
	assert.Equal(t, testbed.Confirmed, verdicts[0].Verdict)
	assert.Equal(t, testbed.Inconclusive, verdicts[1].Verdict)
	assert.Contains(t, verdicts[1].Reason, "filter of macvlan: no")
}

func first(trials []*trial, _ []string) []*trial { return trials }

// TestACostWithinTheNoise: an interval clear of 1 is explained.
func TestACostWithinTheNoise(t *testing.T) {
	one := func(estimate, lo, hi float64) testbed.Estimate {
		return testbed.Estimate{Estimate: &estimate, Lo: &lo, Hi: &hi}
	}
	mode := testbed.ModeResult{Name: "m", Status: testbed.StatusOK, RatioToHost: map[string]testbed.Estimate{"p50": one(1.2, 1.1, 1.3)},
		Claims: map[string]testbed.Claim{"p50": {Verdict: string(withinNoise)}}}
	loud := testbed.TestResult{NoiseFloor: one(1, 0.8, 1.2)}
	assert.Equal(t, "m cannot be told from host at p50 (95% interval +10.0% to +30.0%), for host differs as much from itself.", costSentence(loud, mode))
	quiet := testbed.TestResult{NoiseFloor: one(1, 0.99, 1.01)}
	assert.Equal(t, "m cannot be told from host at p50 (95% interval +10.0% to +30.0%).", costSentence(quiet, mode))
}
