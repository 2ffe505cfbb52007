package simulate

// Rough is the world in which every interval must cover: a block has 1% of
// noise of its own, skewed and heavy-tailed; what all modes share wanders by 3%
// from round to round with a correlation of 0.8, drifts by 10% over the run and
// steps by 5% once; and each mode answers to it in a way of its own, half as
// much as the noise of a block, with a correlation of 0.3.
func Rough() World {
	return World{
		Name: "rough", Block: 0.01, Noise: Disturbed,
		Mode: 0.005, ModeCorrelation: 0.3,
		Round: 0.03, RoundCorrelation: 0.8, Drift: 0.1, Step: 0.05,
	}
}

// Worlds are those in which every interval must cover.
func Worlds() []World {
	quiet := World{Name: "quiet", Block: 0.01}
	disturbed := World{Name: "disturbed", Block: 0.01, Noise: Disturbed}
	drifting := Rough()
	drifting.Name, drifting.Noise = "heavy-tailed", Student
	noisier := drifting
	noisier.Name, noisier.Noisier = "noisier mode", 2
	return []World{quiet, disturbed, drifting, Rough(), noisier}
}

// Beyond are worlds harder than those: each mode's own answer to what all share
// is remembered longer than a few rounds can show.
func Beyond() []World {
	worlds := []World{}
	for _, correlation := range []float64{0.5, 0.7, 0.9} {
		w := Rough()
		w.ModeCorrelation = correlation
		worlds = append(worlds, w)
	}
	return worlds
}
