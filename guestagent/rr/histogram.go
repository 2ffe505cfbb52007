package rr

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// The geometry of an HdrHistogram of four significant digits over 1 ns to 10 s:
// values below 2·10⁴, rounded up to 2¹⁵, have a slot each, and each doubling
// above has 2¹⁴ more. (hdrhistogram.org; the reference is HdrHistogram_c.)
const (
	lowest  = 1
	highest = 10_000_000_000
	digits  = 4

	subBits  = 15
	halfBits = subBits - 1
	slots    = (bucketsAbove + 2) << halfBits
	// bucketsAbove is how often 2¹⁵ is doubled until it is over highest (2³⁴).
	bucketsAbove = 34 - subBits
)

// histogram counts values in constant memory (2.75 MB), without an allocation.
// It is written here and not taken from hdrhistogram-go because that reads all
// slots several times to encode, which under emulation takes longer than the
// tear-down of a mode; its decoder checks ours in the tests.
type histogram struct {
	counts   [slots]int64
	from, to int // Slots that were used: from ≤ i < to.

	packed bytes.Buffer
	zlib   *zlib.Writer
}

// slot of a value between lowest and highest.
//
//go:nosplit
func slot(value int64) int {
	bucket := 64 - bits.LeadingZeros64(uint64(value)|(1<<subBits-1)) - subBits
	return bucket<<halfBits + int(value>>bucket)
}

// record counts a value between lowest and highest.
//
//go:nosplit
func (h *histogram) record(value int64) {
	i := slot(value)
	h.counts[i]++
	h.from = min(h.from, i)
	h.to = max(h.to, i+1)
}

// touch makes the kernel give all pages now: memory that Go has just allocated has
// none, and the first value in each of 700 would pay for a page fault in the loop.
func (h *histogram) touch() {
	const page = 4096 / 8
	for i := 0; i < slots; i += page {
		h.counts[i] = 1
	}
	clear(h.counts[:])
}

func (h *histogram) reset() {
	clear(h.counts[min(h.from, h.to):h.to])
	h.from, h.to = slots, 0
}

func (h *histogram) merge(other *histogram) {
	for i := min(other.from, other.to); i < other.to; i++ {
		h.counts[i] += other.counts[i]
	}
	h.from, h.to = min(h.from, other.from), max(h.to, other.to)
}

// median is the middle of the slot that holds the value at rank ⌈n/2⌉; 0 of
// nothing.
func (h *histogram) median() float64 {
	var total, below int64
	for _, count := range h.counts[min(h.from, h.to):h.to] {
		total += count
	}
	for i := min(h.from, h.to); i < h.to; i++ {
		if below += h.counts[i]; below*2 >= total {
			low, width := bounds(i)
			return float64(low) + float64(width-1)/2
		}
	}
	return 0
}

// bounds are the least value of a slot and how many it holds.
func bounds(slot int) (low, width int64) {
	bucket := max(slot>>halfBits-1, 0)
	return int64(slot-bucket<<halfBits) << bucket, 1 << bucket
}

// Cookies of the encodings, version 2, of which ours is the compressed.
const (
	cookieV2           = 0x1c849303 | 0x10
	cookieV2Compressed = 0x1c849304 | 0x10
)

// encode gives the V2 compressed encoding.
func (h *histogram) encode() ([]byte, error) {
	counts := h.zigzag()
	plain := binary.BigEndian.AppendUint32(nil, cookieV2)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(counts)))
	plain = binary.BigEndian.AppendUint32(plain, 0) // Normalising index offset.
	plain = binary.BigEndian.AppendUint32(plain, digits)
	plain = binary.BigEndian.AppendUint64(plain, lowest)
	plain = binary.BigEndian.AppendUint64(plain, highest)
	plain = binary.BigEndian.AppendUint64(plain, math.Float64bits(1)) // Ratio of integer to double values.
	plain = append(plain, counts...)

	if err := h.compress(plain); err != nil {
		return nil, fmt.Errorf("encode histogram: %w", err)
	}
	out := binary.BigEndian.AppendUint32(nil, cookieV2Compressed)
	out = binary.BigEndian.AppendUint32(out, uint32(h.packed.Len()))
	return append(out, h.packed.Bytes()...), nil
}

// zigzag lists the counts from slot 0 to the last used: a positive number is a
// count, a negative one so many empty slots. It is ZigZag LEB128 as Go's varint
// is, but that nine bytes are its longest; no count comes near.
func (h *histogram) zigzag() (out []byte) {
	empty := int64(min(h.from, h.to))
	for _, count := range h.counts[empty:h.to] {
		if count == 0 {
			empty++
			continue
		}
		if empty > 0 {
			out = binary.AppendVarint(out, -empty)
		}
		empty = 0
		out = binary.AppendVarint(out, count)
	}
	return out
}

// compress keeps its writer: a fresh one is most of a megabyte to clear.
func (h *histogram) compress(plain []byte) error {
	h.packed.Reset()
	if h.zlib == nil {
		writer, err := zlib.NewWriterLevel(&h.packed, zlib.BestSpeed)
		if err != nil {
			return err
		}
		h.zlib = writer
	} else {
		h.zlib.Reset(&h.packed)
	}
	if _, err := h.zlib.Write(plain); err != nil {
		return err
	}
	return h.zlib.Close()
}
