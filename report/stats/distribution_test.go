package stats

import (
	"encoding/base64"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func encode(t testing.TB, values []int64) string {
	h := hdrhistogram.New(1, 10e9, 3)
	for _, v := range values {
		require.NoError(t, h.RecordValue(v))
	}
	encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	return string(encoded)
}

func decoded(t testing.TB, values []int64) Distribution {
	d, err := Decode(encode(t, values), slices.Min(values), slices.Max(values), 0)
	require.NoError(t, err)
	return d
}

func lognormal(seed uint64, n int) []int64 {
	random := rand.New(rand.NewPCG(seed, 1))
	values := make([]int64, n)
	for i := range values {
		values[i] = int64(250e3 * math.Exp(0.2*random.NormFloat64()))
	}
	return values
}

func TestQuantileIsWithinItsBucket(t *testing.T) {
	values := lognormal(3, 20000)
	d := decoded(t, values)
	slices.Sort(values)
	for _, q := range []float64{0.001, 0.1, 0.5, 0.9, 0.99, 0.999} {
		exact := float64(values[int(math.Ceil(q*20000))-1])
		// Three digits: a bucket is at most a thousandth of its value wide.
		assert.InDelta(t, exact, d.Quantile(q), exact/1000, "q = %v", q)
	}
}

// The buckets are those of the library, whatever the geometry.
func TestBucketsAgreeWithTheLibrary(t *testing.T) {
	for _, geometry := range [][3]int64{{1, 10e9, 3}, {1, 1e6, 5}, {1000, 10e9, 2}, {7, 1e12, 1}, {1, 3000, 4}} {
		h := hdrhistogram.New(geometry[0], geometry[1], int(geometry[2]))
		random := rand.New(rand.NewPCG(4, 4))
		for range 3000 {
			value := int64(math.Exp(random.Float64() * math.Log(float64(geometry[1]))))
			require.NoError(t, h.RecordValue(value))
		}
		want := []Bucket{}
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				want = append(want, Bucket{From: float64(bar.From), To: float64(bar.To), Count: bar.Count})
			}
		}
		assert.Equal(t, want, buckets(h.Export()), "%v", geometry)
	}
}

func TestQuantileOfOneValueIsExact(t *testing.T) {
	d := decoded(t, []int64{250123, 250123, 250123, 250123})
	for _, q := range []float64{0, 0.5, 0.99, 1} {
		assert.Equal(t, 250123.0, d.Quantile(q))
	}
	assert.Zero(t, Distribution{}.Quantile(0.5))
}

func TestQuantileRanks(t *testing.T) {
	values := []int64{}
	for v := int64(1); v <= 100; v++ {
		values = append(values, v) // Below 2048 each value has its own bucket.
	}
	d := decoded(t, values)
	for q, want := range map[float64]float64{0.01: 1, 0.5: 50, 0.501: 51, 0.9: 90, 0.99: 99, 0.991: 100} {
		assert.Equal(t, want, d.Quantile(q), "q = %v", q)
	}
}

func TestBeyond(t *testing.T) {
	assert.EqualValues(t, 100, Beyond(1000, 900))
	assert.EqualValues(t, 99, Beyond(999, 900))
	assert.EqualValues(t, 100, Beyond(10000, 990))
	assert.EqualValues(t, 99, Beyond(9999, 990))
	assert.EqualValues(t, 100, Beyond(100000, 999))
	assert.EqualValues(t, int64(math.MaxInt64/1000), Beyond(math.MaxInt64, 999), "without overflow")
}

func TestPoolIsTheWeightedSum(t *testing.T) {
	a, b, c := lognormal(1, 900), lognormal(2, 1000), lognormal(3, 1100)
	rounds := []Distribution{decoded(t, a), decoded(t, b), decoded(t, c)}
	pool := NewPool(rounds)
	together := decoded(t, slices.Concat(a, a, c))
	for _, q := range []float64{0.01, 0.5, 0.99} {
		assert.InDelta(t, together.Quantile(q), pool.Quantile(q, []int{2, 0, 1}), 200, "q = %v", q)
	}
	assert.True(t, math.IsNaN(pool.Quantile(0.5, []int{0, 0, 0})))
	assert.True(t, math.IsNaN(NewPool(nil).Quantile(0.5, nil)))
	merged := Merge(rounds)
	assert.EqualValues(t, 3000, merged.Count)
	assert.Equal(t, pool.Quantile(0.9, []int{1, 1, 1}), merged.Quantile(0.9))
}

func TestOutOfRangeCountsAtTheTop(t *testing.T) {
	d, err := Decode(encode(t, []int64{10, 20, 30}), 10, 50e9, 1)
	require.NoError(t, err)
	assert.EqualValues(t, 4, d.Count)
	assert.Equal(t, 50e9, d.Quantile(1))
}

func TestDecodeRefuses(t *testing.T) {
	good := encode(t, []int64{10, 20, 30})
	raw, err := base64.StdEncoding.DecodeString(good)
	require.NoError(t, err)
	cases := map[string]struct {
		encoded              string
		min, max, outOfRange int64
	}{
		"empty":              {"", 10, 30, 0},
		"no base64":          {"%%%", 10, 30, 0},
		"no histogram":       {base64.StdEncoding.EncodeToString([]byte("hello, hello")), 10, 30, 0},
		"truncated":          {base64.StdEncoding.EncodeToString(raw[:len(raw)-5]), 10, 30, 0},
		"header only":        {base64.StdEncoding.EncodeToString(raw[:8]), 10, 30, 0},
		"encoded twice":      {base64.StdEncoding.EncodeToString([]byte(good)), 10, 30, 0},
		"negative minimum":   {good, -1, 30, 0},
		"minimum > maximum":  {good, 30, 10, 0},
		"negative count":     {good, 10, 30, -1},
		"impossible count":   {good, 10, 30, math.MaxInt64},
		"without any values": {encode(t, nil), 10, 30, 0},
	}
	for name, c := range cases {
		_, err := Decode(c.encoded, c.min, c.max, c.outOfRange)
		assert.ErrorContains(t, err, "decode histogram", name)
	}
}

// Whatever bytes arrive: an error, or a distribution that can be asked anything.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, lognormal(1, 100)), int64(1), int64(1e6), int64(0))
	f.Add("HISTFAAAACB42pNpmSzMwMDAxQABTEACAAAA", int64(0), int64(0), int64(1))
	f.Add("", int64(-1), int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, encoded string, lowest, highest, outOfRange int64) {
		d, err := Decode(encoded, lowest, highest, outOfRange)
		if err != nil {
			return
		}
		pool := NewPool([]Distribution{d, {}, d})
		for _, q := range []float64{0, 0.5, 0.99, 1} {
			if v := d.Quantile(q); math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("quantile %v is %v", q, v)
			}
			if v := pool.Quantile(q, []int{2, 3, 1}); math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("pooled quantile %v is %v", q, v)
			}
		}
	})
}
