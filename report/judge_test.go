package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

func judgeOne(t *testing.T, w truth, claim testbed.Predicate) testbed.ExpectationResult {
	t.Helper()
	lab := w.lab()
	lab.Expectations = []testbed.Expectation{{Name: "claim", Source: "source"}}
	verdicts := Judge(lab, [][]testbed.Predicate{{claim}}, w.blocks(t, 7))
	require.Len(t, verdicts, 1)
	assert.Equal(t, "claim", verdicts[0].Name)
	assert.Equal(t, "source", verdicts[0].That)
	return verdicts[0]
}

func TestJudge(t *testing.T) {
	w := typical()
	ratio := *modeOf(t, w.result(t), "tcp_rr", "ipvlan_l3s").RatioToHost["p50"].Estimate

	clear := judgeOne(t, w, above("tcp_rr", "docker0", 1.05))
	assert.Equal(t, testbed.Confirmed, clear.Verdict)
	assert.GreaterOrEqual(t, *clear.Share, 0.95)

	wrong := judgeOne(t, w, above("tcp_rr", "docker0", 1.5))
	assert.Equal(t, testbed.Refuted, wrong.Verdict)
	assert.LessOrEqual(t, *wrong.Share, 0.05)

	open := judgeOne(t, w, above("tcp_rr", "ipvlan_l3s", ratio))
	assert.Equal(t, testbed.Inconclusive, open.Verdict)
	assert.InDelta(t, 0.5, *open.Share, 0.3)
	assert.Contains(t, open.Reason, "of 1000 resamples")

	assert.Equal(t, clear, judgeOne(t, w, above("tcp_rr", "docker0", 1.05)), "seeded")
}

func TestJudgeUnknown(t *testing.T) {
	w := typical()
	w.unsupported = map[string]string{"routed": "no CONFIG_VETH"}
	ask := func(m testbed.Metric) testbed.Predicate {
		return func(look testbed.Lookup) testbed.Truth {
			if v, known := look(m); known && v > 0 {
				return testbed.True
			}
			return testbed.Unknown
		}
	}
	cases := map[string]testbed.Metric{
		"not known: p50 of routed: the mode is unsupported":                   {Function: "ratio", Test: "tcp_rr", Mode: "routed", Base: "host", Name: "p50"},
		"not known: p50 of macvlan: routed: the mode is unsupported":          {Function: "ratio", Test: "tcp_rr", Mode: "macvlan", Base: "routed", Name: "p50"},
		"not known: there is no test sctp_rr":                                 {Function: "p50", Test: "sctp_rr", Mode: "host"},
		"not known: test tcp_rr has no mode netkit":                           {Function: "p50", Test: "tcp_rr", Mode: "netkit"},
		"not known: instructions are counted on the backend \"icount\" alone": {Function: "instructions", Test: "tcp_rr", Mode: "host"},
		"not known: test tcp_rr has no p95 of host":                           {Function: "ratio", Test: "tcp_rr", Mode: "macvlan", Base: "host", Name: "p95"},
	}
	for reason, metric := range cases {
		verdict := judgeOne(t, w, ask(metric))
		assert.Equal(t, testbed.Inconclusive, verdict.Verdict)
		assert.Equal(t, reason, verdict.Reason)
		assert.Nil(t, verdict.Share)
	}
	p999 := judgeOne(t, w, ask(testbed.Metric{Function: "p999", Test: "tcp_rr", Mode: "macvlan"}))
	assert.Contains(t, p999.Reason, "100 needed")
	never := judgeOne(t, w, func(testbed.Lookup) testbed.Truth { return testbed.Unknown })
	assert.Equal(t, "its value is unknown", never.Reason)
}

func TestJudgeFigures(t *testing.T) {
	w := typical()
	for _, function := range []string{"p50", "p90", "p99", "mean", "rate"} {
		verdict := judgeOne(t, w, func(look testbed.Lookup) testbed.Truth {
			host, a := look(testbed.Metric{Function: function, Test: "udp_rr", Mode: "host"})
			docker, b := look(testbed.Metric{Function: function, Test: "udp_rr", Mode: "docker0"})
			switch {
			case !a || !b:
				return testbed.Unknown
			case (docker > host) == (function != "rate"):
				return testbed.True
			}
			return testbed.False
		})
		assert.Equal(t, testbed.Confirmed, verdict.Verdict, function)
	}
}

func TestJudgeNeedsRounds(t *testing.T) {
	w := typical()
	w.rounds = 5
	verdict := judgeOne(t, w, above("tcp_rr", "docker0", 1.05))
	assert.Equal(t, testbed.Inconclusive, verdict.Verdict)
	assert.Equal(t, `ratio(test.tcp_rr, mode.docker0, mode.host, "p50") rests on 5 rounds, 6 needed for a verdict`, verdict.Reason)
}

func TestJudgeEachCell(t *testing.T) {
	w := kernels(typical())
	lab := w.lab()
	lab.Expectations = []testbed.Expectation{{Name: "a"}, {Name: "b"}}
	yes, no := above("tcp_rr", "docker0", 1.05), above("tcp_rr", "docker0", 1.5)
	verdicts := Judge(lab, [][]testbed.Predicate{{yes, no}, {no, yes}}, w.blocks(t, 7))
	require.Len(t, verdicts, 4, "a cell without predicates has no verdict")
	got := []string{}
	for _, v := range verdicts {
		got = append(got, v.Cell["kernel"]+" "+v.Name+" "+v.Verdict)
	}
	assert.Equal(t, []string{"bookworm a confirmed", "bookworm b refuted", "trixie a refuted", "trixie b confirmed"}, got)
}
