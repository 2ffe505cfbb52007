package stats

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	values := []float64{3, 1, 2}
	assert.Equal(t, 2.0, Median(values))
	assert.Equal(t, []float64{3, 1, 2}, values, "the caller's order is kept")
	assert.Equal(t, 2.5, Median([]float64{4, 1, 2, 3}))
	assert.True(t, math.IsNaN(Median(nil)))
}

func TestResample(t *testing.T) {
	one := make([]int, 10)
	a, b := Resample(17, "tcp_rr", one), Resample(17, "tcp_rr", one)
	assert.Equal(t, a, b, "seeded")
	assert.NotEqual(t, a, Resample(18, "tcp_rr", one), "by the seed")
	assert.NotEqual(t, a, Resample(17, "udp_rr", one), "and by the name")
	require.Len(t, a, Resamples)
	for _, weights := range a {
		sum := 0
		for _, w := range weights {
			sum += w
		}
		assert.Equal(t, 10, sum)
	}
	assert.Empty(t, Resample(17, "none", nil)[0])
}

// With several boots a resample leaves whole boots out, which one of rounds
// alone hardly ever would.
func TestResampleDrawsBoots(t *testing.T) {
	boots := []int{0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 7, 7, 7, 7, 7}
	without := 0
	for _, weights := range Resample(17, "tcp_rr", boots) {
		sum := 0
		for _, w := range weights[:5] {
			sum += w
		}
		assert.Zero(t, sum%5, "of each boot as many rounds as it has, or a multiple")
		if sum == 0 {
			without++
		}
	}
	// (2/3)³ = 0.296, give or take four standard errors of 1,000 draws.
	assert.InDelta(t, 0.296, float64(without)/Resamples, 0.06)
}

func TestResampleTo(t *testing.T) {
	boots := []int{0, 0, 3, 3, 7, 7}
	for _, one := range []struct {
		boots       []int
		units, want int
	}{{make([]int, 6), 40, 40}, {boots, 40, 80}, {boots, 1, 2}} {
		for _, weights := range ResampleTo(17, "tcp_rr", one.boots, one.units) {
			sum := 0
			for _, w := range weights {
				sum += w
			}
			assert.Equal(t, one.want, sum)
		}
	}
	assert.Equal(t, Resample(17, "tcp_rr", boots), ResampleTo(17, "tcp_rr", boots, Units(boots)), "of the same size it is the same")
}
