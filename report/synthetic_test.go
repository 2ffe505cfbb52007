package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// truth is a synthetic world whose answer is known: each mode's transactions
// are lognormal around base × factor, with a heavy tail, and each round has a
// factor of its own that all its blocks share.
type truth struct {
	modes        []string
	factors      map[string]float64 // p50 ratio to host; 1 unless given.
	rounds       int
	transactions int
	base         float64 // ns
	blockNoise   float64 // Standard deviation of a block's log factor.
	unsupported  map[string]string
	cells        []testbed.Cell // Coordinates only; one without, unless given.
	tests        []string
	boots        int // In which the rounds ran; 0 is one.
}

// typical is what two emulated machines give.
func typical() truth {
	return truth{
		modes:        []string{"host", "docker0", "routed", "macvlan", "ipvlan_l2", "ipvlan_l3", "ipvlan_l3s"},
		factors:      map[string]float64{"docker0": 1.2, "routed": 1.11, "macvlan": 1.006, "ipvlan_l2": 1.003, "ipvlan_l3": 1.004, "ipvlan_l3s": 1.03},
		rounds:       10,
		transactions: 1040,
		base:         250e3,
		blockNoise:   0.01,
		tests:        []string{"tcp_rr", "udp_rr"},
	}
}

func (w truth) lab() testbed.Lab {
	lab := testbed.Lab{
		Name: "container-latency", Description: "What a container's network interface adds to a round trip.",
		Seed: 17, Source: "/labs/container-latency.hcl", Digest: "9f2c",
	}
	cells := w.cells
	if cells == nil {
		cells = []testbed.Cell{{}}
	}
	for _, cell := range cells {
		for _, name := range w.modes {
			cell.Modes = append(cell.Modes, testbed.Mode{Name: name, Kind: kindOf(name), At: testbed.AtClient})
		}
		for _, name := range w.tests {
			cell.Tests = append(cell.Tests, testbed.Test{
				Name: name, Protocol: name, Engine: "testbed", Modes: w.modes, Rounds: w.rounds,
				Block: 250 * time.Millisecond, Request: 1, Response: 1, Connections: 1,
			})
		}
		lab.Cells = append(lab.Cells, cell)
	}
	return lab
}

// setups are lines as an agent sends them.
var setups = map[string][]string{
	"docker0": {"bridge docker0 172.31.0.1/24", "veth eth0 in netns client", "nft masquerade from 172.31.0.0/24 out eth1"},
}

func kindOf(mode string) string {
	return map[string]string{"host": "host", "docker0": "veth", "routed": "veth", "macvlan": "macvlan"}[mode]
}

// made keeps the blocks of a world: encoding histograms takes most of a test.
var made = map[string][]testbed.Block{}

func (w truth) blocks(t testing.TB, seed uint64) []testbed.Block {
	key := fmt.Sprintf("%d %+v", seed, w)
	if made[key] == nil {
		made[key] = w.make(t, seed)
	}
	return slices.Clone(made[key])
}

func (w truth) make(t testing.TB, seed uint64) []testbed.Block {
	random := rand.New(rand.NewPCG(seed, 1))
	blocks := []testbed.Block{}
	for _, cell := range w.lab().Cells {
		coordinates := map[string]string{}
		for _, c := range cell.Coordinates {
			coordinates[c.Name] = c.Value
		}
		for _, test := range w.tests {
			blocks = append(blocks, w.rows(t, random, test, coordinates)...)
		}
	}
	return blocks
}

func (w truth) rows(t testing.TB, random *rand.Rand, test string, cell map[string]string) []testbed.Block {
	blocks := []testbed.Block{}
	for round := range w.rounds {
		drift := math.Exp(0.03 * random.NormFloat64())
		order := append(slices.Clone(w.modes), hostMode)
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, mode := range order {
			b := testbed.Block{Test: test, Cell: cell, Mode: mode, Boot: round * max(w.boots, 1) / w.rounds, Round: round, Index: len(blocks), Status: testbed.StatusOK,
				Started: time.Date(2026, 11, 22, 12, 0, len(blocks), 0, time.UTC)}
			if reason, is := w.unsupported[mode]; is {
				b.Status, b.Reason = testbed.StatusUnsupported, reason
			} else {
				factor := w.factors[mode]
				if factor == 0 {
					factor = 1
				}
				b.Setup = setups[mode]
				fill(t, &b, random, w.base*factor*drift*math.Exp(w.blockNoise*random.NormFloat64()), w.transactions)
			}
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// fill gives a block transactions around a median.
func fill(t testing.TB, b *testbed.Block, random *rand.Rand, median float64, n int) {
	values := make([]int64, n)
	for i := range values {
		spread := 0.08 * random.NormFloat64()
		if random.Float64() < 0.03 {
			spread = 0.2 + 0.5*random.ExpFloat64()
		}
		values[i] = int64(median * math.Exp(spread))
	}
	record(t, b, values)
}

// record puts exactly these transactions into a block.
func record(t testing.TB, b *testbed.Block, values []int64) {
	h := hdrhistogram.New(1, int64(10*time.Second), 3)
	sum := int64(0)
	for _, v := range values {
		require.NoError(t, h.RecordValue(v))
		sum += v
	}
	encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	b.Status, b.Histogram = testbed.StatusOK, string(encoded)
	b.Min, b.Max = slices.Min(values), slices.Max(values)
	b.Transactions, b.Mean = int64(len(values)), float64(sum)/float64(len(values))
	b.Nanoseconds = sum + int64(len(values))*800 // Two readings of a clock between transactions.
}

func (w truth) input(t testing.TB) Input {
	return Input{
		Lab: w.lab(), Blocks: w.blocks(t, 7), Backend: "libvirt", Accelerator: "tcg",
		Started: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		Timings: map[string]float64{"images": 0.4, "boot": 8.25, "push": 1.5, "measure": 71.2, "total": 83.1},
		Tool:    testbed.Tool{Version: "0.1.0-test", AgentSHA256: "ab12"},
		Environment: testbed.Environment{
			Host: map[string]any{"cpu_model": "AMD EPYC", "cpus": 2, "kernel": "6.1.0-42-amd64", "qemu": "10.0.8", "libvirt": "11.3.0"},
			Machines: []testbed.MachineEnvironment{
				{Name: "client", Facts: map[string]any{"kernel_release": "6.12.48+deb13-cloud-amd64", "clocksource": "tsc"}},
				{Name: "server", Facts: map[string]any{"kernel_release": "6.12.48+deb13-cloud-amd64", "clocksource": "tsc"}},
			},
			Images: map[string]map[string]any{"debian": {"kernel_release": "6.12.48+deb13-cloud-amd64", "packages": []any{"linux-image-cloud-amd64"}}},
		},
	}
}

func (w truth) result(t testing.TB) testbed.Result {
	r, err := Analyze(w.input(t))
	require.NoError(t, err)
	return r
}

// above is a compiled claim: ratio(test, mode, host, p50) > limit.
func above(test, mode string, limit float64) testbed.Predicate {
	return func(look testbed.Lookup) testbed.Truth {
		value, known := look(testbed.Metric{Function: "ratio", Test: test, Mode: mode, Base: hostMode, Name: "p50"})
		switch {
		case !known:
			return testbed.Unknown
		case value > limit:
			return testbed.True
		}
		return testbed.False
	}
}

// kernels is the same world in three cells.
func kernels(w truth) truth {
	w.tests = []string{"tcp_rr"}
	for _, name := range []string{"bookworm", "trixie", "trixie-backports"} {
		w.cells = append(w.cells, testbed.Cell{Coordinates: []testbed.Coordinate{{Name: "kernel", Value: name}}})
	}
	return w
}
