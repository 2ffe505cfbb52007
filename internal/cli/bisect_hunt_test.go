package cli

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/bisect"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// seeds move a figure by some 0.2%.
var seeds = []float64{1, 1.002, 0.999}

// block is one of a mode, by its boot, in which every transaction took so much, a whole number.
func block(t *testing.T, mode string, cell map[string]string, boot int, figure float64, functions map[string]int64) testbed.Block {
	t.Helper()
	const n = 100
	h := hdr.New(1, 10_000_000_000, 3)
	require.NoError(t, h.RecordValues(int64(figure), n))
	text, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	per := map[string]int64{}
	for name, count := range functions {
		per[name] = n * count
	}
	return testbed.Block{
		Test: "rr", Cell: cell, Mode: mode, Boot: boot, Round: boot, Status: testbed.StatusOK, Transactions: n, Nanoseconds: int64(n * figure),
		Mean: figure, Min: int64(figure), Max: int64(figure), Histogram: string(text), Functions: per,
	}
}

// keep stores a result of cells, each with its figure of host and the functions of it.
func keep(t *testing.T, dir, backend string, cells map[string]float64, functions map[string]int64) {
	t.Helper()
	in := report.Input{Backend: backend, Accelerator: "tcg", Started: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), Lab: testbed.Lab{Name: "l", Seed: 17}}
	for side, figure := range cells {
		cell := testbed.Cell{
			Modes: []testbed.Mode{{Name: "host", Kind: "host"}},
			Tests: []testbed.Test{{Name: "rr", Protocol: "tcp_rr", Engine: "testbed", Modes: []string{"host"}, Rounds: 1, Boots: len(seeds), Transactions: 100}},
		}
		at := map[string]string{}
		if side != "" {
			cell.Coordinates, at["side"] = []testbed.Coordinate{{Name: "side", Value: side}}, side
		}
		in.Lab.Cells = append(in.Lab.Cells, cell)
		for boot, by := range seeds {
			in.Blocks = append(in.Blocks, block(t, "host", at, boot, math.Round(figure*by), functions))
		}
	}
	result, err := report.Analyze(in)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, report.Write(dir, result, in.Blocks))
}

// stored is a hunt among versions of which every result is there already.
func stored(t *testing.T, dir, backend string, versions []string, metric string) *bisect.Hunt {
	t.Helper()
	journal, err := bisect.OpenJournal(dir, map[string]any{"versions": versions})
	require.NoError(t, err)
	return &bisect.Hunt{
		Versions: versions, Journal: journal, Now: time.Now,
		Bench: &bench{
			lab: &run.Lab{Lab: testbed.Lab{Name: "l", Backend: backend}}, dir: dir, good: versions[0], bad: versions[len(versions)-1],
			contest: run.Contest{Options: report.CompareOptions{Metric: metric, Margin: 0.02}},
		},
	}
}

// TestHuntInCounts: the change is found in stored counts, with its interval and functions;
// the largest step is found where the ends do not differ.
func TestHuntInCounts(t *testing.T) {
	versions := []string{"6.12-1", "6.13-1", "6.14-1", "6.15-1", "6.16-1", "6.17-1", "6.18-1", "6.19-1"}
	dir := t.TempDir()
	for i, version := range versions {
		functions := map[string]int64{"tcp_sendmsg": 9000, "srso_safe_ret": 1000}
		if i >= 2 {
			functions["update_se"] = 500
		}
		if i >= 5 {
			functions["srso_safe_ret"] = 495
		}
		sum := int64(0)
		for _, n := range functions {
			sum += n
		}
		keep(t, filepath.Join(dir, version), "icount", map[string]float64{"": float64(sum)}, functions)
	}

	a, err := stored(t, dir, "icount", versions[:5], "mean").FirstBad(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"6.13-1", "6.14-1"}, []string{a.From, a.To})
	var out, errs bytes.Buffer
	app := &app{stdout: &out, stderr: &errs}
	require.NoError(t, app.printAnswer(a, searching{looking: looking{state: "bisect/l", verdict: comparing{metric: "mean"}}}))
	require.Equal(t, "first bad kernel: 6.14-1\nlast good kernel: 6.13-1\n"+
		"host in rr: mean 10,003 → 10,504 instructions, +5.0% [+5.0%, +5.0%]\n"+
		"host: instructions a transaction by function: update_se +500\n"+
		"measured 4 of 5 kernels\n", out.String())

	require.NoError(t, os.Remove(filepath.Join(dir, bisect.JournalFile)))
	var same *bisect.SameError
	_, err = stored(t, dir, "icount", versions, "mean").FirstBad(t.Context())
	require.ErrorAs(t, err, &same)
	require.Equal(t, statusError(exitInconclusive), app.sayNothingToFind(same, versions, searching{looking: looking{verdict: comparing{metric: "mean"}}}))
	require.Contains(t, errs.String(), "do not differ: 6.12-1, 6.19-1\n  host in rr: mean 10,003 → 9,998 instructions")

	require.NoError(t, os.Remove(filepath.Join(dir, bisect.JournalFile)))
	a, err = stored(t, dir, "icount", versions, "mean").Largest(t.Context(), 0.02)
	require.NoError(t, err)
	require.Equal(t, []string{"6.16-1", "6.17-1"}, []string{a.From, a.To})
	require.Equal(t, "srso_safe_ret", a.Change.Functions[0].Name)
	require.Equal(t, testbed.Improvement, a.Change.Verdict)
}

// TestHuntInTurns reads each version beside the one that it is judged by.
func TestHuntInTurns(t *testing.T) {
	versions := []string{"6.12-1", "6.13-1", "6.14-1", "6.15-1"}
	dir := t.TempDir()
	for i, version := range versions[1:] {
		figure := 200_000.0
		if i >= 1 {
			figure *= 1.1
		}
		keep(t, filepath.Join(dir, version+"..against..6.12-1"), "libvirt", map[string]float64{"base": 200_000, "new": figure}, nil)
	}
	keep(t, filepath.Join(dir, "6.14-1..against..6.13-1"), "libvirt", map[string]float64{"base": 201_000, "new": 221_000}, nil)
	a, err := stored(t, dir, "libvirt", versions, "p50").FirstBad(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"6.13-1", "6.14-1"}, []string{a.From, a.To})
	require.InDelta(t, 221.0/201, *a.Change.Itself.Estimate, 0.001, "of the two side by side")
	require.Equal(t, testbed.Slower, a.Change.Direction)
}

func TestAnswerWithSkipped(t *testing.T) {
	var out bytes.Buffer
	app := &app{stdout: &out, stderr: &out}
	answer := bisect.Answer{From: "6.12", To: "6.15", Skipped: []string{"6.13", "6.14"}, Measured: 4, Of: 6}
	require.NoError(t, app.printAnswer(answer, searching{change: true}))
	require.Contains(t, out.String(), "changed most in: one of 6.13, 6.14, 6.15 (all but the last were skipped)\nagainst: 6.12\n")
	require.Equal(t, "bisect: measure 7.3; 4 left at most, some 3m0s", stepText("7.3", 4, 3*time.Minute))
	require.Equal(t, "bisect: 7.3 is skipped: no boot", decisionText(bisect.Step{Version: "7.3", Verdict: bisect.Skipped, Reason: "no boot\nconsole"}))
}
