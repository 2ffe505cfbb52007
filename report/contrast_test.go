package report

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	palette = regexp.MustCompile(`:root \{([^}]*)\}`)
	colour  = regexp.MustCompile(`--(\w+): #([0-9a-f]{3,6})\b`)
)

// palettes are the page's colours in light, in the dark and in print.
func palettes(t *testing.T) (all []map[string][3]float64) {
	t.Helper()
	for _, root := range palette.FindAllStringSubmatch(pageStyle, -1) {
		colours := map[string][3]float64{}
		for _, one := range colour.FindAllStringSubmatch(root[1], -1) {
			colours[one[1]] = components(t, one[2])
		}
		all = append(all, colours)
	}
	return all
}

// components of a colour, #rgb or #rrggbb, from 0 to 1.
func components(t *testing.T, digits string) (c [3]float64) {
	t.Helper()
	width := len(digits) / 3
	for i := range c {
		n, err := strconv.ParseUint(digits[i*width:(i+1)*width], 16, 8)
		require.NoError(t, err)
		c[i] = float64(n) / (math.Pow(16, float64(width)) - 1)
	}
	return c
}

// luminance is relative, as WCAG 2 defines it.
func luminance(c [3]float64) float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is WCAG 2's ratio, from 1 to 21.
func contrast(a, b [3]float64) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// TestContrast: whatever is written can be read (WCAG 2.1, 1.4.3), and whatever is drawn
// can be told from what it lies on (1.4.11), in light, in the dark and in print.
func TestContrast(t *testing.T) {
	all := palettes(t)
	require.Len(t, all, 3)
	for i, colours := range all {
		require.Len(t, colours, 12)
		for _, on := range []string{"paper", "card"} {
			for _, text := range []string{"ink", "soft", "mode", "host", "distinct", "good", "bad", "open"} {
				require.GreaterOrEqual(t, contrast(colours[text], colours[on]), 4.5, "%s on %s, palette %d", text, on, i)
			}
		}
		require.GreaterOrEqual(t, contrast(colours["host"], colours["band"]), 3.0, "the line at 1 in the band of noise, palette %d", i)
		require.GreaterOrEqual(t, contrast(colours["distinct"], colours["band"]), 3.0, "a point in the band, palette %d", i)
	}
	require.InDelta(t, 21, contrast([3]float64{}, [3]float64{1, 1, 1}), 0.01)
}
