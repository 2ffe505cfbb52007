package rr

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestVigil looks at a loop at moments after its last beat.
func TestVigil(t *testing.T) {
	type look struct {
		after time.Duration // The first look.
		beat  int64
		want  deed
	}
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		nudges bool
		looks  []look
	}{
		"alive":                    {true, []look{{0, 1, nothing}, {150 * ms, 1, nothing}, {210 * ms, 2, nothing}, {400 * ms, 2, nothing}}},
		"a request is lost":        {true, []look{{0, 1, nothing}, {200 * ms, 1, nudge}, {250 * ms, 2, nothing}}},
		"nobody answers":           {true, []look{{0, 1, nothing}, {200 * ms, 1, nudge}, {1999 * ms, 1, nudge}, {2000 * ms, 1, giveUp}}},
		"the watch comes late":     {true, []look{{0, 1, nothing}, {9000 * ms, 1, nudge}, {9050 * ms, 2, nothing}, {20_000 * ms, 2, nudge}}},
		"late, and nobody answers": {true, []look{{0, 1, nothing}, {9000 * ms, 1, nudge}, {9050 * ms, 1, giveUp}}},
		"TCP stalls":               {false, []look{{0, 1, nothing}, {1999 * ms, 1, nothing}, {2000 * ms, 1, giveUp}}},
		"it connects":              {false, []look{{0, connecting, nothing}, {9000 * ms, connecting, nothing}, {10_900 * ms, 1, nothing}, {11_000 * ms, 1, nothing}}},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			v := vigil{seen: connecting, since: began, patience: stall, nudges: test.nudges}
			for _, l := range test.looks {
				require.Equal(t, l.want, v.look(began.Add(l.after), l.beat), "after %v", l.after)
			}
		})
	}
}
