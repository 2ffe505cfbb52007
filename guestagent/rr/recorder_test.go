package rr

import (
	"encoding/base64"
	"math"
	"math/rand"
	"slices"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
)

func decode(t *testing.T, r *Recorder) *hdr.Histogram {
	t.Helper()
	encoded, err := r.Encode()
	require.NoError(t, err)
	h, err := hdr.Decode([]byte(base64.StdEncoding.EncodeToString(encoded)))
	require.NoError(t, err)
	return h
}

// TestSameAsTheReference records the same values here and in hdrhistogram-go.
func TestSameAsTheReference(t *testing.T) {
	r := NewRecorder()
	random := rand.New(rand.NewSource(1))
	for round := range 3 { // The recorder is used again, and remembers nothing.
		r.Reset()
		reference := hdr.New(lowest, highest, digits)
		values := []int64{lowest, highest, 32767, 32768, 65535, 65536, 20_000, 1_000_000}
		for range 10_000 {
			values = append(values, int64(math.Exp(random.Float64()*math.Log(highest)))/int64(round+1)+1)
		}
		for _, v := range values {
			r.record(v)
			require.NoError(t, reference.RecordValue(v))
		}
		got := decode(t, r)
		want, have := reference.Export(), got.Export()
		require.True(t, slices.Equal(want.Counts, have.Counts), "a value is in another slot than the reference's")
		require.Equal(t, int64(len(values)), got.TotalCount())
		require.Equal(t, want.HighestTrackableValue, have.HighestTrackableValue)
		require.Equal(t, want.SignificantFigures, have.SignificantFigures)
	}
}

func TestExactFigures(t *testing.T) {
	r := NewRecorder()
	require.Zero(t, r.Count())
	require.Zero(t, r.Mean())
	require.Zero(t, r.Min())
	require.Zero(t, r.Max())
	require.Zero(t, decode(t, r).TotalCount())
	for _, v := range []int64{1000, 2001, 0, highest + 1} {
		r.record(v)
	}
	require.Equal(t, int64(4), r.Count())
	require.Equal(t, int64(2), r.OutOfRange(), "counted, not dropped")
	require.Equal(t, float64(1000+2001+highest+1)/4, r.Mean())
	require.Equal(t, int64(0), r.Min())
	require.Equal(t, int64(highest+1), r.Max())
	require.Equal(t, int64(2), decode(t, r).TotalCount())
}

func TestRecordDoesNotAllocate(t *testing.T) {
	r := NewRecorder()
	v := int64(1)
	require.Zero(t, testing.AllocsPerRun(10_000, func() { r.record(v); v = v*3%highest + 1 }))
}

func BenchmarkRecord(b *testing.B) {
	r := NewRecorder()
	n := int64(10_000)
	for b.Loop() {
		r.record(n)
	}
}

func BenchmarkEncode(b *testing.B) {
	r := NewRecorder()
	for i := int64(0); i < 500; i++ {
		r.record(700_000 + i*1237)
	}
	for b.Loop() {
		if _, err := r.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}
