package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// A verdict on a published result has words of its own, and a list.
func TestClaimLists(t *testing.T) {
	r := testbed.Result{Expectations: []testbed.ExpectationResult{
		{Name: "a", Verdict: testbed.Confirmed},
		{Name: "b", Verdict: testbed.Confirmed, Published: "one"},
		{Name: "c", Verdict: testbed.Refuted, Published: "two"},
		{Name: "d", Verdict: testbed.Inconclusive, Published: "three\n  lines"},
		{Name: "e", Verdict: testbed.Inconclusive, Published: "four", Cell: map[string]string{"kernel": "6.1"}},
	}}
	lists := claimLists(r)
	require.Len(t, lists, 2)
	assert.Equal(t, "Expectations: 1 confirmed", lists[0].Tally())
	assert.Equal(t, "Published results: 1 reproduced, 1 contradicted, 2 undecided", lists[1].Tally())
	assert.Equal(t, "three lines", lists[1].List[2].Source)
	assert.Equal(t, "e [kernel = 6.1]", lists[1].List[3].Name)
	assert.Len(t, claimLists(testbed.Result{Expectations: r.Expectations[1:]}), 1)
	assert.Empty(t, claimLists(testbed.Result{}))
	assert.Equal(t, []string{"expectations", "published results"}, []string{ResultSuites(r)[0].Name, ResultSuites(r)[1].Name})
}

func TestFindingText(t *testing.T) {
	for want, f := range map[string]testbed.Finding{
		"p99.9 of a 1.250 × host":      {Metric: testbed.Metric{Function: "ratio", Mode: "a", Base: "host", Name: "p999"}, Value: 1.25},
		"p50 of a 24.12 µs":            {Metric: testbed.Metric{Function: "p50", Mode: "a"}, Value: 24120, Unit: testbed.UnitTime},
		"rate of a 2,141/s":            {Metric: testbed.Metric{Function: "rate", Mode: "a"}, Value: 2141, Unit: testbed.UnitRate},
		"softirqs of a 4.100":          {Metric: testbed.Metric{Function: "softirqs", Mode: "a"}, Value: 4.1},
		"service in a fails":           {Metric: testbed.Metric{Function: "capability", Mode: "a", Name: "service"}},
		"p50 of a 98,765 instructions": {Metric: testbed.Metric{Function: "p50", Mode: "a"}, Value: 98765, Unit: testbed.UnitInstructions},
	} {
		assert.Equal(t, want, findingText(f))
	}
	assert.Empty(t, foundText(make([]testbed.Finding, mostFound+1)), "more than a line holds")
}

// What a claim was found to be about is in the result, also where it is undecided.
func TestJudgeFinds(t *testing.T) {
	w := typical()
	found := judgeOne(t, w, above("tcp_rr", "docker0", 1.05)).Found
	require.Len(t, found, 1)
	assert.Equal(t, testbed.Metric{Function: "ratio", Test: "tcp_rr", Mode: "docker0", Base: "host", Name: "p50"}, found[0].Metric)
	assert.InDelta(t, *modeOf(t, w.result(t), "tcp_rr", "docker0").RatioToHost["p50"].Estimate, found[0].Value, 1e-9)
	assert.Empty(t, judgeOne(t, w, above("tcp_rr", "netkit", 1)).Found)
}
