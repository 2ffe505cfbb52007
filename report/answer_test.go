package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/testbed-lab/testbed/testbed"
)

func known1(v, lo, hi float64) testbed.Estimate {
	return testbed.Estimate{Estimate: &v, Lo: &lo, Hi: &hi, N: 10, Method: methodRounds}
}

// said is a result with one test of these ratios.
func said(floor testbed.Estimate, ratios map[string]testbed.Estimate, order ...string) testbed.TestResult {
	t := testbed.TestResult{Name: "tcp_rr", Unit: "ns", NoiseFloor: floor, Modes: []testbed.ModeResult{
		{Name: hostMode, Status: testbed.StatusOK, P50: known1(200e3, 199e3, 201e3)},
	}}
	for _, name := range order {
		t.Modes = append(t.Modes, testbed.ModeResult{Name: name, Status: testbed.StatusOK, RatioToHost: map[string]testbed.Estimate{"p50": ratios[name]}})
	}
	return t
}

func TestJudgeRatio(t *testing.T) {
	floor := known1(1, 0.99, 1.01)
	open := testbed.Estimate{Estimate: new(float64)}
	for _, c := range []struct {
		ratio, floor testbed.Estimate
		want         verdict
	}{
		{known1(1.2, 1.1, 1.3), floor, slower},
		{known1(0.8, 0.7, 0.9), floor, faster},
		{known1(1.02, 0.98, 1.06), floor, withinNoise},  // Holds 1.
		{known1(1.02, 1.005, 1.06), floor, withinNoise}, // Touches the floor.
		{known1(1.02, 1.011, 1.06), floor, slower},
		{known1(1.0, 0.999, 1.001), known1(1.1, 1.05, 1.2), withinNoise}, // Holds 1, misses the floor.
		{open, floor, noInterval},
		{known1(1.2, 1.1, 1.3), open, noInterval},
		{testbed.Estimate{Reason: "x"}, floor, noVerdict},
	} {
		assert.Equal(t, c.want, judgeRatio(c.ratio, c.floor))
	}
}

func TestAnswer(t *testing.T) {
	floor := known1(1, 0.99, 1.01)
	ratios := map[string]testbed.Estimate{
		"docker0": known1(1.2, 1.18, 1.22), "routed": known1(1.1, 1.08, 1.12),
		"macvlan": known1(1.001, 0.99, 1.01), "loopback": known1(0.5, 0.48, 0.52), "l2": known1(1, 0.99, 1.02),
	}
	for want, order := range map[string][]string{
		"In tcp_rr, docker0 costs most: its p50 is 1.200 × host's (95% interval 1.180 to 1.220), +40.0 µs; macvlan cannot be told from host (noise floor 0.990 to 1.010).": {"macvlan", "routed", "docker0"},
		"In tcp_rr, routed costs most: its p50 is 1.100 × host's (95% interval 1.080 to 1.120), +20.0 µs; the noise floor is 0.990 to 1.010.":                              {"routed"},
		"In tcp_rr, loopback is faster than host: its p50 is 0.500 × host's (95% interval 0.480 to 0.520); the noise floor is 0.990 to 1.010.":                             {"loopback"},
		"In tcp_rr, no mode can be told from host at p50: every ratio lies within the noise (noise floor 0.990 to 1.010).":                                                 {"macvlan", "l2"},
		"In tcp_rr, macvlan cannot be told from host at p50: its ratio lies within the noise (noise floor 0.990 to 1.010).":                                                {"macvlan"},
		"In tcp_rr, no mode can be compared with host: none gave enough transactions.":                                                                                     {},
	} {
		assert.Equal(t, want, answer(testbed.Result{Tests: []testbed.TestResult{said(floor, ratios, order...)}}))
	}
	assert.Equal(t, "No test ran.", answer(testbed.Result{}))
}

// A test whose modes were all absent did not lack transactions.
func TestAnswerOfAbsentModes(t *testing.T) {
	one := testbed.TestResult{Name: "tcp_rr", Modes: []testbed.ModeResult{
		{Name: "host", Status: testbed.StatusOK}, {Name: "redirect", Status: testbed.StatusFailed}, {Name: "netkit", Status: testbed.StatusUnsupported}}}
	assert.Equal(t, "In tcp_rr, no mode can be compared with host: redirect is failed and netkit is unsupported.", answerOne(one))
	one.Modes[1].Status = testbed.StatusOK
	assert.Contains(t, answerOne(one), "none gave enough transactions")
}

func TestAnswerOverCells(t *testing.T) {
	floor := known1(1, 0.99, 1.01)
	cell := func(kernel string, ratios map[string]testbed.Estimate, order ...string) testbed.TestResult {
		one := said(floor, ratios, order...)
		one.Cell = map[string]string{"kernel": kernel}
		return one
	}
	low, high := map[string]testbed.Estimate{"docker0": known1(1.2, 1.18, 1.22)}, map[string]testbed.Estimate{"docker0": known1(1.3, 1.28, 1.32)}
	noise := map[string]testbed.Estimate{"docker0": known1(1, 0.98, 1.02)}
	over := func(cells ...testbed.TestResult) string { return answer(testbed.Result{Tests: cells}) }
	assert.Equal(t, "In tcp_rr, docker0 costs most in each of 2 cells: its p50 is from 1.200 × host's (95% interval 1.180 to 1.220) at kernel = b to 1.300 × host's (95% interval 1.280 to 1.320) at kernel = a; the widest noise floor is 0.990 to 1.010.",
		over(cell("a", high, "docker0"), cell("b", low, "docker0")))
	assert.Equal(t, "In tcp_rr, docker0 costs most: its p50 is 1.300 × host's (95% interval 1.280 to 1.320), +60.0 µs at kernel = a (noise floor 0.990 to 1.010).",
		over(cell("a", high, "docker0"), cell("b", noise, "docker0")))
	assert.Equal(t, "In tcp_rr, no mode can be told from host at p50 in any of 2 cells.",
		over(cell("a", noise, "docker0"), cell("b", noise, "docker0")))
}
