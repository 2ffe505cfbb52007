package run

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

// TestAnotherEnginesFiguresAreKept as the client printed them.
func TestAnotherEnginesFiguresAreKept(t *testing.T) {
	r := newRecorder(sampleCell(), sampleTest(), proto.Segment{})
	figures := proto.Figures{Version: "2.7.0", Command: "netperf -4", Percentiles: map[string]float64{"p50": 17000}}
	ok := proto.BlockResult{Status: proto.StatusOK}
	client := proto.BlockResult{Status: proto.StatusOK, Transactions: 3, Mean: 18000, Duplicates: 2, Figures: &figures}
	got := r.block(proto.Block{Test: "tcp_rr", Mode: "docker0", Engine: "netperf"}, &client, &ok)
	require.Equal(t, "netperf", got.Engine)
	require.Equal(t, &testbed.Figures{Version: "2.7.0", Command: "netperf -4", Percentiles: map[string]float64{"p50": 17000}}, got.Figures)
	require.EqualValues(t, 2, got.Duplicates)
	require.Empty(t, got.Histogram)

	got = r.block(proto.Block{Test: "tcp_rr", Mode: "docker0"}, &ok, &ok)
	require.Nil(t, got.Figures)
}

// TestAFailedBlockKeepsItsCounts of requests, as the client has them.
func TestAFailedBlockKeepsItsCounts(t *testing.T) {
	r := newRecorder(sampleCell(), sampleTest(), proto.Segment{})
	failed := proto.BlockResult{Status: proto.StatusFailed, Reason: "client: no transaction", Lost: 5, Late: 2, Duplicates: 1, Missed: 4, MaxLag: 9}
	got := r.block(proto.Block{Test: "udp_rr", Mode: "host"}, &failed, &proto.BlockResult{Status: proto.StatusOK})
	require.Equal(t, testbed.StatusFailed, got.Status)
	require.Equal(t, []int64{5, 2, 1, 4, 9}, []int64{got.Lost, got.Late, got.Duplicates, got.Missed, got.MaxLag})
}
