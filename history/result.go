package history

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// Metrics of a series.
const (
	MetricP50          = "p50"          // Of times, in ns.
	MetricP99          = "p99"          // Of times, in ns.
	MetricRatio        = "ratio"        // p50 over host's in the same rounds.
	MetricInstructions = "instructions" // p50 of what is counted.
)

// Metrics are those that a series may be of.
var Metrics = []string{MetricRatio, MetricInstructions, MetricP50, MetricP99}

// Result is what the store knows of a result, enough to draw and to judge it by.
type Result struct {
	ID      string    `json:"id"`    // SHA-256 of its result.json.
	Added   time.Time `json:"added"` // UTC.
	Started time.Time `json:"started"`
	Folder  string    `json:"folder"` // From which it was added; it may be gone.

	Lab         string         `json:"lab"`
	LabDigest   string         `json:"lab_digest"`
	Backend     string         `json:"backend"`
	Accelerator string         `json:"accelerator"`
	Tool        string         `json:"tool"` // The version that measured.
	Host        map[string]any `json:"host"` // As the result has it, command lines aside.
	Tests       []Test         `json:"tests"`
}

// Test is one test in one cell of a result.
type Test struct {
	Name       string            `json:"name"`
	Cell       map[string]string `json:"cell"`
	Node       string            `json:"node,omitempty"` // Of the host that measured; empty: unknown.
	Kernels    []string          `json:"kernels"`
	Rig        []report.Common   `json:"rig"`
	Conditions []report.Common   `json:"conditions"`
	Figures    []Figure          `json:"figures"`
}

// Figure is one metric of one mode.
type Figure struct {
	Mode   string   `json:"mode"`
	Metric string   `json:"metric"`
	Unit   string   `json:"unit"` // Of the value: ns, instructions, or "" of a ratio.
	Value  float64  `json:"value"`
	Lo     *float64 `json:"lo"` // 95% interval; null without one.
	Hi     *float64 `json:"hi"`
}

// idOf names a result by what its file says, wherever it lies.
func idOf(resultJSON []byte) string {
	sum := sha256.Sum256(resultJSON)
	return hex.EncodeToString(sum[:])
}

// newResult takes out of a result what a history needs.
func newResult(r testbed.Result) (Result, error) {
	kept := Result{
		Started: r.Started.UTC(), Lab: r.Lab, LabDigest: r.LabDigest, Backend: r.Backend,
		Accelerator: r.Accelerator, Tool: r.Tool.Version, Host: map[string]any{},
	}
	if r.Lab == "" || r.Started.IsZero() {
		return Result{}, errors.New("it does not say of which lab it is, or when it was measured")
	}
	for name, value := range r.Environment.Host {
		if name != "qemu_command_lines" {
			kept.Host[name] = value
		}
	}
	figures := 0
	for _, t := range r.Tests {
		cell := t.Cell
		if cell == nil {
			cell = map[string]string{}
		}
		test := Test{Name: t.Name, Cell: cell, Node: report.NodeOf(r, t.Cell), Kernels: report.KernelsOf(r, t.Cell), Rig: report.RigOf(r, t.Cell), Conditions: report.ConditionsOf(t)}
		for _, m := range t.Modes {
			of, err := figuresOf(t, m)
			if err != nil {
				return Result{}, err
			}
			test.Figures = append(test.Figures, of...)
		}
		figures += len(test.Figures)
		kept.Tests = append(kept.Tests, test)
	}
	if figures == 0 {
		return Result{}, errors.New("no mode of it has a figure")
	}
	return kept, nil
}

// figuresOf are the metrics that a mode has; none of one that was not measured.
func figuresOf(t testbed.TestResult, m testbed.ModeResult) (figures []Figure, err error) {
	if m.Status != testbed.StatusOK {
		return nil, nil
	}
	add := func(metric, unit string, e testbed.Estimate) {
		if e.Estimate == nil {
			return
		}
		if v := *e.Estimate; !(v > 0) || math.IsInf(v, 0) {
			err = fmt.Errorf("test %q, mode %q: its %s is %v", t.Name, m.Name, metric, v)
		}
		figures = append(figures, Figure{Mode: m.Name, Metric: metric, Unit: unit, Value: *e.Estimate, Lo: e.Lo, Hi: e.Hi})
	}
	if t.Unit == testbed.UnitInstructions {
		add(MetricInstructions, t.Unit, m.P50)
		return figures, err
	}
	add(MetricRatio, "", m.RatioToHost["p50"])
	add(MetricP50, t.Unit, m.P50)
	add(MetricP99, t.Unit, m.P99)
	return figures, err
}
