package report

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report/stats/simulate"
	"github.com/testbed-lab/testbed/testbed"
)

// judgeRun judges a claim on a run of a simulated world.
func judgeRun(random *rand.Rand, w simulate.World, boots, perBoot int, claim testbed.Predicate) testbed.ExpectationResult {
	t := trialOf(w.Draw(random, boots, perBoot), testbed.Test{}, 0, summary)
	return newCourt(testbed.Cell{}, []*trial{t}).judge(testbed.Expectation{}, claim)
}

// planned is how runs went that were as large as an inconclusive one asked for.
type planned struct{ asked, decided, wrong, unplanned int }

// plan makes runs, and where one is inconclusive another of the size that it asks for,
// and one of its own size.
func plan(t *testing.T, name string, w simulate.World, boots, perBoot int) (p planned) {
	random, claim := seeded(name), above("simulated", "mode0", 1)
	for range effort(60, 400) {
		first := judgeRun(random, w, boots, perBoot, claim)
		if first.Verdict != testbed.Inconclusive {
			continue
		}
		require.NotNil(t, first.Needed)
		if first.Needed.AtLeast {
			continue
		}
		p.asked++
		largerBoots, larger := boots, first.Needed.Count
		if boots > 1 {
			largerBoots, larger = first.Needed.Count, perBoot
		}
		switch judgeRun(random, w, largerBoots, larger, claim).Verdict {
		case testbed.Confirmed:
			p.decided++
		case testbed.Refuted:
			p.wrong++
		}
		if judgeRun(random, w, boots, perBoot, claim).Verdict != testbed.Inconclusive {
			p.unplanned++
		}
	}
	return p
}

// TestNeededDecides: of the runs that are as large as an inconclusive one asked for, most
// decide, and rightly; of runs as large as that one, few do.
func TestNeededDecides(t *testing.T) {
	for _, one := range []struct {
		name           string
		world          simulate.World
		boots, perBoot int
	}{
		// The effect is 1 to 1.2 standard errors of what is measured first.
		{"rounds", simulate.World{Block: 0.01, Effect: 0.004}, 1, 10},
		{"heavy tails", simulate.World{Block: 0.01, Effect: 0.004, Noise: simulate.Disturbed}, 1, 10},
		{"boots", simulate.World{Block: 0.01, Boot: 0.01, Effect: 0.006}, 6, 4},
	} {
		p := plan(t, one.name, one.world, one.boots, one.perBoot)
		t.Logf("%s: of %d inconclusive runs %d were decided by the size they asked for (%d wrongly), %d by the same size again",
			one.name, p.asked, p.decided, p.wrong, p.unplanned)
		assert.Greater(t, float64(p.decided), 0.6*float64(p.asked), one.name)
		assert.Less(t, float64(p.wrong), 0.1*float64(p.asked), one.name)
		assert.Greater(t, p.decided, 3*p.unplanned/2, one.name)
	}
}

// Where the estimate lies on the border, no number of rounds decides; where it is clear,
// or nothing is known, none is asked for.
func TestNeeded(t *testing.T) {
	w := typical()
	ratio := *modeOf(t, w.result(t), "tcp_rr", "ipvlan_l3s").RatioToHost["p50"].Estimate
	open := judgeOne(t, w, above("tcp_rr", "ipvlan_l3s", ratio))
	assert.Equal(t, &testbed.Needed{Count: 640, Of: "rounds", AtLeast: true}, open.Needed)
	assert.Contains(t, groundsText(open), "% of resamples; more than 640 rounds needed to decide it: so near the border do these rounds put it")

	near := judgeOne(t, w, above("tcp_rr", "ipvlan_l3s", ratio*1.002))
	require.Equal(t, testbed.Inconclusive, near.Verdict)
	assert.False(t, near.Needed.AtLeast)
	assert.Greater(t, near.Needed.Count, 10)
	assert.Regexp(t, `^p50 of ipvlan_l3s 1\.\d+ × host; holds in [\d.]+% of resamples; about \d+ rounds would decide it$`, groundsText(near))
	assert.Equal(t, near, judgeOne(t, w, above("tcp_rr", "ipvlan_l3s", ratio*1.002)), "seeded")
	assert.Less(t, judgeOne(t, w, above("tcp_rr", "ipvlan_l3s", ratio*1.003)).Needed.Count, near.Needed.Count, "further from the border, sooner")

	assert.Nil(t, judgeOne(t, w, above("tcp_rr", "docker0", 1.05)).Needed)
	unknown := judgeOne(t, w, above("tcp_rr", "netkit", 1))
	assert.Nil(t, unknown.Needed)
	assert.Equal(t, unknown.Reason, groundsText(unknown))

	boots := testbed.ExpectationResult{Share: near.Share, Needed: &testbed.Needed{Count: 12, Of: "boots"}}
	assert.Contains(t, groundsText(boots), "about 12 boots would decide it")
}
