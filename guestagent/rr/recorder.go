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
	spool      *Spool // Optional.
}

// NewRecorder allocates all that recording will ever need.
func NewRecorder() *Recorder {
	r := new(Recorder)
	r.histogram.touch()
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
//
//go:nosplit
func (r *Recorder) record(ns int64) {
	r.count++
	r.sum += ns
	r.min = min(r.min, ns)
	r.max = max(r.max, ns)
	if r.spool != nil {
		r.spool.add(ns)
	}
	if ns < lowest || ns > highest {
		r.outOfRange++
		return
	}
	r.histogram.record(ns)
}

// merge adds another's values to this one's.
func (r *Recorder) merge(other *Recorder) {
	r.histogram.merge(&other.histogram)
	r.count += other.count
	r.sum += other.sum
	r.min, r.max = min(r.min, other.min), max(r.max, other.max)
	r.outOfRange += other.outOfRange
}

// half is what a half of a measurement is remembered by.
func (r *Recorder) half() Half {
	return Half{Transactions: r.count, P50: r.histogram.median(), Mean: r.Mean()}
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

// Recording is where a client's run goes: the warm-up, the measurement, and its
// second half until the end. It is meant to be used for one block after the other.
type Recording struct {
	Warm, Main *Recorder
	second     *Recorder
}

// NewRecording allocates all that it will ever need, about 8 MB.
func NewRecording() *Recording {
	return &Recording{Warm: NewRecorder(), Main: NewRecorder(), second: NewRecorder()}
}

// Keep makes the measurement leave each transaction in a spool as well; nil ends that.
func (r *Recording) Keep(s *Spool) { r.Main.spool, r.second.spool = s, s }

func (r *Recording) reset() {
	for _, one := range []*Recorder{r.Warm, r.Main, r.second} {
		one.Reset()
	}
}

// join makes one measurement of its halves, and remembers what each was.
func (r *Recording) join() (halves [2]Half) {
	halves = [2]Half{r.Main.half(), r.second.half()}
	r.Main.merge(r.second)
	r.second.Reset()
	return halves
}
