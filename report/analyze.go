package report

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/testbed-lab/testbed/testbed"
)

// Input is everything that a run has brought in.
type Input struct {
	Lab         testbed.Lab
	Blocks      []testbed.Block // Of all cells, in any order.
	Environment testbed.Environment
	Backend     string
	Accelerator string // "kvm", "tcg" or "".
	Started     time.Time
	Timings     map[string]float64 // Seconds by step.
	Warnings    []string           // Of the run, before analysis.
	Crashes     []testbed.Crash    // Of the run's machines.
	Failures    []testbed.CellFailure
	Tool        testbed.Tool
}

// Analyze makes a result of blocks. A block that contradicts itself or the lab
// is left out and listed, with a warning; an error means that there is nothing
// to analyze. Expectations are left to [Judge].
func Analyze(in Input) (testbed.Result, error) {
	if len(in.Lab.Cells) == 0 {
		return testbed.Result{}, errors.New("analyze result: the lab has no cell")
	}
	trials, warnings := group(in.Lab, in.Blocks)
	if len(trials) == 0 {
		return testbed.Result{}, fmt.Errorf("analyze result: lab %q has no test", in.Lab.Name)
	}
	r := header(in)
	r.Warnings = append(append(r.Warnings, slowClocks(in.Environment.Machines)...), warnings...)
	for i, t := range trials {
		t.explainAbsence(r)
		test, warnings := t.result()
		t.changed(t.previous(trials[:i]), &test)
		r.Tests = append(r.Tests, test)
		r.Warnings = append(r.Warnings, warnings...)
	}
	return r, nil
}

func header(in Input) testbed.Result {
	r := testbed.Result{
		Schema:       testbed.ResultSchema,
		Tool:         in.Tool,
		Lab:          in.Lab.Name,
		Description:  in.Lab.Description,
		LabDigest:    in.Lab.Digest,
		Variables:    in.Lab.Variables,
		Against:      in.Lab.Against,
		Seed:         in.Lab.Seed,
		Backend:      in.Backend,
		Accelerator:  in.Accelerator,
		Started:      in.Started.UTC().Round(0),
		Timings:      map[string]float64{},
		Warnings:     append([]string{}, in.Warnings...),
		Crashes:      in.Crashes,
		Failures:     in.Failures,
		Void:         in.Lab.Void,
		Environment:  in.Environment,
		Expectations: []testbed.ExpectationResult{},
		Tests:        []testbed.TestResult{},
	}
	if in.Lab.Source != "" {
		r.LabFile = filepath.Base(in.Lab.Source)
	}
	for step, seconds := range in.Timings {
		r.Timings[step] = seconds
	}
	return complete(r)
}

// complete replaces absent lists and maps by empty ones, which the schema asks for.
func complete(r testbed.Result) testbed.Result {
	env := &r.Environment
	if env.Host == nil {
		env.Host = map[string]any{}
	}
	if env.Images == nil {
		env.Images = map[string]map[string]any{}
	}
	machines := make([]testbed.MachineEnvironment, len(env.Machines))
	for i, m := range env.Machines {
		if m.Cell == nil {
			m.Cell = map[string]string{}
		}
		if m.Facts == nil {
			m.Facts = map[string]any{}
		}
		machines[i] = m
	}
	env.Machines = machines
	return r
}

// result is the trial with its figures, and what is to be said about it.
func (t *trial) result() (testbed.TestResult, []string) {
	length, unit := lengthOf(t.test)
	r := testbed.TestResult{
		Name: t.test.Name, Protocol: t.test.Protocol, Engine: t.test.Engine,
		Seed: t.seed, Cell: t.coordinates, Load: t.test.Load, Unit: unit, Block: length,
		Boots: t.booted(), Rounds: len(t.rounds), Stopping: t.stopping(),
		Request: t.test.Request, Response: t.test.Response,
		NoiseFloors: t.noiseFloors(),
		Voided:      []testbed.VoidedBlock{},
		Modes:       []testbed.ModeResult{},
		Settings:    settingsOf(t.test),
	}
	for _, s := range t.series {
		r.Modes = append(r.Modes, t.mode(s))
		r.Voided = append(r.Voided, s.voided...)
	}
	r.NoiseFloor = r.NoiseFloors[p50.name]
	r.Half = t.half()
	t.claims(&r)
	return r, slices.Concat(t.audit(r), t.besideWarnings(), t.unprobed(), t.uncounted(), t.leaked())
}

// noiseFloors are host against itself by metric.
func (t *trial) noiseFloors() map[string]testbed.Estimate {
	floors := map[string]testbed.Estimate{}
	first, second := t.first(), t.second()
	for _, metric := range metrics {
		floors[metric.name] = t.ratio(first, second, metric)
	}
	return floors
}

func settingsOf(t testbed.Test) testbed.Settings {
	return testbed.Settings{
		Connections: max(t.Connections, 1), NoDelay: t.NoDelay, Warmup: int64(t.Warmup),
		BusyPoll: int64(t.BusyPoll), CPU: t.CPU, Priority: t.Priority, Samples: firstOf(t.Samples, "histogram"),
	}
}

// mode is one mode with its figures.
func (t *trial) mode(s *series) testbed.ModeResult {
	status, reason := s.status()
	if why := s.disproved(); why != "" && status == testbed.StatusOK {
		status, reason = testbed.StatusFailed, why
	}
	if reason == noBlock {
		reason = firstOf(t.absent, noBlock)
	}
	m := testbed.ModeResult{
		Name: s.mode.Name, Kind: s.mode.Kind, At: string(s.mode.At),
		Status: status, Reason: reason,
		Blocks: s.blocks(), Transactions: s.transactions(), Missed: s.missed(),
		RatioToHost: map[string]testbed.Estimate{}, AddedToHost: map[string]testbed.Difference{},
		Claims: map[string]testbed.Claim{}, Drift: t.drift(s), Concurrency: s.concurrent(), Beside: t.beside(s),
		Setup: append([]string{}, s.setup...), Capabilities: s.capabilities(), Functions: s.functions(), Uncounted: s.uncounted(),
		Leaks: s.leaks(),
	}
	for _, metric := range metrics {
		*figureOf(&m, metric.name) = t.estimate(s, metric)
		m.RatioToHost[metric.name] = t.ratio(s, t.host, metric)
		if metric.name != "rate" {
			m.AddedToHost[metric.name] = t.added(s, metric)
		}
	}
	m.Evidence = t.evidence(s, m)
	return m
}

// figureOf is the place of a metric's figure in a mode.
func figureOf(m *testbed.ModeResult, metric string) *testbed.Estimate {
	switch metric {
	case "p50":
		return &m.P50
	case "p90":
		return &m.P90
	case "p99":
		return &m.P99
	case "p999":
		return &m.P999
	case "mean":
		return &m.Mean
	default:
		return &m.Rate
	}
}
