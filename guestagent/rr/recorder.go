package rr

import "math"

// Recorder takes round-trip times in ns. Its memory is constant, about 3 MB, and
// it is meant to be used for one block after the other.
type Recorder struct {
	histogram  histogram
	count      int64
	sum        int64
	min, max   int64
	outOfRange int64
}

// NewRecorder allocates all that recording will ever need.
func NewRecorder() *Recorder {
	r := new(Recorder)
	r.Reset()
	return r
}

// Reset forgets everything.
func (r *Recorder) Reset() {
	r.histogram.reset()
	r.count, r.sum, r.outOfRange = 0, 0, 0
	r.min, r.max = math.MaxInt64, 0
}

// record is called in the loop. What is out of the histogram's range is counted,
// and counts in mean, minimum and maximum.
func (r *Recorder) record(ns int64) {
	r.count++
	r.sum += ns
	r.min = min(r.min, ns)
	r.max = max(r.max, ns)
	if ns < lowest || ns > highest {
		r.outOfRange++
		return
	}
	r.histogram.record(ns)
}

// Count is how many transactions were recorded.
func (r *Recorder) Count() int64 { return r.count }

// Mean in ns, exact; 0 of nothing.
func (r *Recorder) Mean() float64 {
	if r.count == 0 {
		return 0
	}
	return float64(r.sum) / float64(r.count)
}

// Min is the shortest, in ns; 0 of nothing.
func (r *Recorder) Min() int64 {
	if r.count == 0 {
		return 0
	}
	return r.min
}

// Max is the longest, in ns.
func (r *Recorder) Max() int64 { return r.max }

// OutOfRange is how many are not in the histogram: shorter than 1 ns or longer
// than 10 s.
func (r *Recorder) OutOfRange() int64 { return r.outOfRange }

// Encode gives the histogram in HdrHistogram's V2 compressed encoding, as bytes
// (its text form is their base64).
func (r *Recorder) Encode() ([]byte, error) { return r.histogram.encode() }
