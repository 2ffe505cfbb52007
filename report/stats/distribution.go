package stats

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Bucket is a range of values, both ends included, and how many fell into it.
type Bucket struct {
	From, To float64
	Count    int64
}

// Distribution is what a block saw: buckets in ascending order, none empty.
type Distribution struct {
	Buckets  []Bucket
	Count    int64
	Min, Max float64 // Of the values themselves, where known more exactly than by bucket.
}

// maxCount keeps sums over rounds and weights far from overflow; a block of a
// day at a transaction a nanosecond has fewer.
const maxCount = 1 << 47

// Decode reads an HdrHistogram (V2 compressed, base64). min and max are the
// exact extremes of the block; outOfRange values, which the histogram could not
// hold, count as lying at max. The input may be hostile: the result is then an
// error.
func Decode(encoded string, min, max, outOfRange int64) (Distribution, error) {
	if encoded == "" {
		return Distribution{}, fmt.Errorf("decode histogram: empty")
	}
	h, err := hdrhistogram.Decode([]byte(encoded))
	if err != nil {
		return Distribution{}, fmt.Errorf("decode histogram: %w", err)
	}
	if min < 0 || max < min || outOfRange < 0 || outOfRange > maxCount {
		return Distribution{}, fmt.Errorf("decode histogram: minimum %d, maximum %d, %d out of range do not fit together", min, max, outOfRange)
	}
	d := Distribution{Min: float64(min), Max: float64(max)}
	for _, b := range buckets(h.Export()) {
		d.add(b)
	}
	if outOfRange > 0 {
		d.add(Bucket{From: d.Max, To: d.Max, Count: outOfRange})
	}
	if d.Count <= 0 {
		return Distribution{}, fmt.Errorf("decode histogram: no value in it")
	}
	if d.Count > maxCount {
		return Distribution{}, fmt.Errorf("decode histogram: more than %d values", int64(maxCount))
	}
	return d, nil
}

// buckets lists the buckets that hold something. (The library's Distribution
// builds a list of all 24,000 that a range to ten seconds has, which took most
// of an analysis.) The first sub-buckets, twice half of them, are a unit wide;
// each half that follows is twice as wide as the one before.
func buckets(s *hdrhistogram.Snapshot) []Bucket {
	subBuckets := bits.Len64(uint64(2*math.Pow10(int(s.SignificantFigures)) - 1))
	half := max(subBuckets, 1) - 1
	unit := bits.Len64(uint64(max(s.LowestTrackableValue, 1))) - 1
	found := []Bucket{}
	for i, n := range s.Counts {
		if n <= 0 {
			continue
		}
		shift, sub := i>>half-1, i&(1<<half-1)+1<<half
		if shift < 0 {
			shift, sub = 0, i
		}
		from := int64(sub) << (shift + unit)
		found = append(found, Bucket{From: float64(from), To: float64(from + 1<<(shift+unit) - 1), Count: n})
	}
	return found
}

func (d *Distribution) add(b Bucket) {
	d.Buckets = append(d.Buckets, b)
	d.Count += b.Count
}

// Quantile returns the value at rank ⌈q·n⌉ (the nearest-rank definition, as
// HdrHistogram's), interpolated within its bucket: the k-th of c values in a
// bucket is taken to lie at (k-½)/c of its width. A bucket of one value, and a
// block of one repeated value, are therefore exact. It is 0 for no values.
func (d Distribution) Quantile(q float64) float64 {
	rank := nearestRank(q, d.Count)
	var before int64
	for _, b := range d.Buckets {
		if before+b.Count >= rank {
			return interpolate(b, float64(rank-before), d.Min, d.Max)
		}
		before += b.Count
	}
	return 0
}

// interpolate is the k-th value of a bucket, whose values are known to lie
// between lowest and highest.
func interpolate(b Bucket, k, lowest, highest float64) float64 {
	from, to := math.Max(b.From, lowest), math.Min(b.To, highest)
	if to < from { // A minimum or maximum that contradicts the buckets.
		from, to = b.From, b.To
	}
	return from + (to-from)*(k-0.5)/float64(b.Count)
}

func nearestRank(q float64, n int64) int64 {
	// The small slack keeps 0.99 × 100 at rank 99: 0.99 is not exact in binary.
	rank := int64(math.Ceil(q*float64(n) - 1e-9*float64(n)))
	return min(max(rank, 1), n)
}

// Beyond says how many of n values lie beyond the percentile p, given in
// thousandths (p99 is 990, p99.9 is 999).
func Beyond(n int64, thousandths int) int64 {
	return n/1000*int64(1000-thousandths) + n%1000*int64(1000-thousandths)/1000
}
