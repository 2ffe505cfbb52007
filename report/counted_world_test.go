package report

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// countedWorld is a counted run of one test: what each mode's transaction takes in each
// cell, which seed after seed scatters by some instructions.
type countedWorld struct {
	kernels  []string
	modes    []string
	level    map[string]map[string]int64 // Instructions by kernel and mode.
	seeds    int
	scatter  []int64 // What a seed adds to all modes, by its number.
	unsettle int64   // What the first half of a block takes more.
}

// threeKernels cost docker0 much more and macvlan hardly more from one to the next.
func threeKernels(seeds int) countedWorld {
	return countedWorld{
		kernels: []string{"bookworm", "trixie", "trixie-backports"}, modes: []string{"host", "docker0", "macvlan"},
		level: map[string]map[string]int64{
			"bookworm":         {"host": 30000, "docker0": 43000, "macvlan": 30500},
			"trixie":           {"host": 31500, "docker0": 45700, "macvlan": 32000},
			"trixie-backports": {"host": 31530, "docker0": 44100, "macvlan": 32030},
		},
		seeds: seeds, scatter: []int64{0, 90, -60, 40, 70, -20},
	}
}

func (w countedWorld) lab() testbed.Lab {
	lab := testbed.Lab{Name: "counted", Description: "Instructions, to the last digit.", Seed: 17, Source: "/labs/counted.hcl"}
	for _, kernel := range w.kernels {
		cell := testbed.Cell{Coordinates: []testbed.Coordinate{{Name: "kernel", Value: kernel}}}
		if len(w.kernels) == 1 {
			cell.Coordinates = nil
		}
		for _, mode := range w.modes {
			cell.Modes = append(cell.Modes, testbed.Mode{Name: mode, Kind: kindOf(mode), At: testbed.AtClient})
		}
		cell.Tests = []testbed.Test{{
			Name: "rr", Protocol: "tcp_rr", Engine: "testbed", Modes: w.modes, Rounds: w.seeds, Boots: w.seeds,
			Transactions: 2000, Request: 1, Response: 1, Connections: 1, NoDelay: true, Warmup: 20e6,
		}}
		lab.Cells = append(lab.Cells, cell)
	}
	return lab
}

func (w countedWorld) blocks(t testing.TB) (all []testbed.Block) {
	for c, cell := range w.lab().Cells {
		for seed := range w.seeds {
			for i, mode := range append([]string{hostMode}, w.modes...) {
				level := w.level[w.kernels[c]][mode] + w.scatter[seed]*int64(1+(i+c)%3)
				b := testbed.Block{Test: "rr", Cell: cell.At(), Mode: mode, Boot: seed, Round: seed, Index: len(all), Status: testbed.StatusOK}
				values := make([]int64, 2000)
				for k := range values {
					values[k] = level + int64(k%7)
					if k%25 == 0 {
						values[k] += 1000
					}
					if k < len(values)/2 {
						values[k] += w.unsettle
					}
				}
				record(t, &b, values)
				b.Functions = map[string]int64{"path": 2000 * level}
				b.Halves = []testbed.Half{{Transactions: 1000, P50: float64(level + 3 + w.unsettle)}, {Transactions: 1000, P50: float64(level + 3)}}
				all = append(all, b)
			}
		}
	}
	return all
}

func (w countedWorld) result(t testing.TB) testbed.Result {
	r, err := Analyze(Input{Lab: w.lab(), Blocks: w.blocks(t), Backend: backendIcount, Accelerator: "tcg"})
	require.NoError(t, err)
	return r
}

// judged is the result with claims that the ratio of docker0 to host is above each limit.
func (w countedWorld) judged(t testing.TB, limits ...float64) testbed.Result {
	lab, r := w.lab(), w.result(t)
	predicates := make([][]testbed.Predicate, len(lab.Cells))
	for _, limit := range limits {
		lab.Expectations = append(lab.Expectations, testbed.Expectation{
			Name: "docker0 costs more", Source: fmt.Sprintf(`ratio(test.rr, mode.docker0, mode.host, "p50") > %g`, limit)})
		for c := range predicates {
			predicates[c] = append(predicates[c], above("rr", "docker0", limit))
		}
	}
	r.Expectations = Judge(lab, predicates, w.blocks(t))
	return r
}
