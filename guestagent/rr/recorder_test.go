package rr

import (
	"encoding/base64"
	"math"
	"math/rand"
	"os"
	"runtime"
	"slices"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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

// TestConstantMemory records 10⁸ transactions, and the heap is as it was.
func TestConstantMemory(t *testing.T) {
	r := NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const n = 100_000_000
	for i := range int64(n) {
		r.record(10_000 + i%50_000)
	}
	runtime.ReadMemStats(&after)
	require.EqualValues(t, n, r.Count())
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10), "bytes allocated on the way, by the runtime itself")
	require.EqualValues(t, n, decode(t, r).TotalCount())
	require.InDelta(t, 10_000+25_000, r.histogram.median(), 2)
	require.Equal(t, 10_000+float64(49_999)/2, r.Mean())
}

// TestPagesAreThere: the first value in each page of the histogram costs no page fault.
func TestPagesAreThere(t *testing.T) {
	r := NewRecorder()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_THREAD, &before))
	for i := 0; i < slots; i += 256 {
		r.histogram.counts[i]++
	}
	require.NoError(t, unix.Getrusage(unix.RUSAGE_THREAD, &after))
	require.Less(t, after.Minflt-before.Minflt, int64(20), "of about 700 pages")
}

// TestMerge: two halves are the whole.
func TestMerge(t *testing.T) {
	a, b, both := NewRecorder(), NewRecorder(), NewRecorder()
	for i := range int64(10_000) {
		v := i*i*37 + 1
		both.record(v)
		if i%3 == 0 {
			a.record(v)
		} else {
			b.record(v)
		}
	}
	a.merge(b)
	require.Equal(t, both.histogram.counts, a.histogram.counts)
	require.Equal(t, both.Mean(), a.Mean())
	require.Equal(t, [2]int64{both.Min(), both.Max()}, [2]int64{a.Min(), a.Max()})
	require.InEpsilon(t, decode(t, both).ValueAtQuantile(50), a.histogram.median(), 1e-4)
	require.Zero(t, NewRecorder().histogram.median())
}

// TestSpool keeps more values than fit into memory at once, in their order.
func TestSpool(t *testing.T) {
	spool, err := NewSpool()
	require.NoError(t, err)
	defer spool.Close()
	for _, n := range []int64{0, 3, spooled, 3*spooled + 5} {
		r := NewRecorder()
		r.spool = spool
		for i := range n {
			r.record(i + 1)
		}
		var got int64
		require.NoError(t, spool.Drain(func(ns int64) error {
			got++
			require.Equal(t, got, ns)
			return nil
		}))
		require.Equal(t, n, got)
	}
}

// TestSpoolInMemory leaves half of the memory that is free to the machine.
func TestSpoolInMemory(t *testing.T) {
	var at unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &at); err != nil || at.Type != unix.TMPFS_MAGIC {
		t.Skip("this machine has no file system in memory at /dev/shm")
	}
	t.Setenv("TMPDIR", "/dev/shm")
	spool, err := NewSpool()
	require.NoError(t, err)
	defer spool.Close()
	var memory unix.Sysinfo_t
	require.NoError(t, unix.Sysinfo(&memory))
	require.Positive(t, spool.room)
	require.Less(t, spool.room, int64(memory.Totalram)*int64(memory.Unit)/2/8)

	spool.room = spooled
	for range spooled {
		spool.add(1)
	}
	require.NoError(t, spool.End())
	spool.add(1)
	require.EqualError(t, spool.End(), "keep samples: no space left on device for more than 8192 transactions in /dev/shm "+
		"(8 bytes each; in memory, half of what is free): shorten the block, or give the machine more memory")
	require.NoError(t, spool.Reset())
	require.Greater(t, spool.room, int64(spooled))
}

// TestSpoolOfAFullDisk: what could not be kept is an error of the end, and the spool
// is of use again once it is reset.
func TestSpoolOfAFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	spool, err := NewSpool()
	require.NoError(t, err)
	defer spool.Close()
	file := spool.fd
	spool.fd = full.Fd()
	for range 2*spooled + 1 {
		spool.add(1)
	}
	require.ErrorIs(t, spool.End(), unix.ENOSPC)
	require.ErrorIs(t, spool.Drain(nil), unix.ENOSPC)

	spool.fd = file
	require.NoError(t, spool.Reset())
	spool.add(7)
	require.NoError(t, spool.Drain(func(ns int64) error {
		require.Equal(t, int64(7), ns)
		return nil
	}))
}
