package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// apart is a matrix of three kernels, each measured on a node.
func apart(t testing.TB, nodes ...string) CompareSide {
	w := kernels(booted(3))
	return side(t, w, "gathered", 1, func(in *Input) {
		for i, node := range nodes {
			cell := map[string]string{"kernel": w.cells[i].Coordinates[0].Value}
			in.Environment.Cells = append(in.Environment.Cells, testbed.CellEnvironment{
				Cell: cell, Node: node, Host: map[string]any{"cpu_model": "EPYC of " + node, "qemu": "10.0.2"},
			})
		}
	})
}

// drawings are all that draw a result for a person.
func drawings(t testing.TB, s CompareSide) map[string]string {
	var page, markdown bytes.Buffer
	require.NoError(t, HTML(&page, s.Result, s.Blocks))
	require.NoError(t, Markdown(&markdown, s.Result))
	terminal := drawn(t, s.Result, TerminalOptions{Width: 120})
	return map[string]string{"page": page.String(), "markdown": markdown.String(), "terminal": strings.Join(strings.Fields(terminal), " ")}
}

func TestCellsOfDifferentNodesAreNotMixed(t *testing.T) {
	s := apart(t, "oslo", "bergen", "oslo")
	all := matrixTables(s.Result)
	require.Len(t, all, 1, "one cell alone is compared with nothing")
	require.Equal(t, []string{"bookworm", "trixie-backports"}, all[0].Cells)
	require.Equal(t, "kernel, on oslo, EPYC of oslo, QEMU 10", all[0].By)
	for name, text := range drawings(t, s) {
		require.Contains(t, text, "On oslo, EPYC of oslo, QEMU 10: In tcp_rr", name)
		require.Contains(t, text, "On bergen, EPYC of bergen, QEMU 10: In tcp_rr", name)
		require.NotContains(t, text, "forced:", name)
	}
	require.Contains(t, drawings(t, s)["page"], "bergen [EPYC of bergen]: 1 cell; oslo [EPYC of oslo]: 2 cells")
	text, err := JSON(s.Result)
	require.NoError(t, err)
	require.NoError(t, validate(t, text))
}

func TestCellsAreMixedByForce(t *testing.T) {
	s := apart(t, "oslo", "bergen", "oslo")
	s.Result.Environment.Mixed = true
	require.Len(t, matrixTables(s.Result)[0].Cells, 3)
	for name, text := range drawings(t, s) {
		require.Contains(t, text, "forced: cells of different machines", name)
	}
	text, err := JSON(s.Result)
	require.NoError(t, err)
	require.Contains(t, string(text), `"mixed": true`)
	require.NoError(t, validate(t, text))
}

func TestNodesAreNotCompared(t *testing.T) {
	picked := func(s CompareSide, kernel string) CompareSide {
		s.Cell = map[string]string{"kernel": kernel}
		return s
	}
	here := apart(t, "oslo", "bergen", "oslo")
	o := CompareOptions{Metric: "p50", Margin: 0.05}
	_, err := Compare(picked(here, "bookworm"), []CompareSide{picked(here, "trixie-backports")}, o)
	require.NoError(t, err, "of one node")

	_, err = Compare(picked(here, "bookworm"), []CompareSide{picked(here, "trixie")}, o)
	require.ErrorContains(t, err, "node: oslo and bergen")
	require.ErrorContains(t, err, "CPU model of the host: EPYC of oslo and EPYC of bergen")

	_, err = Compare(here, []CompareSide{apart(t, "oslo", "bergen", "oslo")}, o)
	require.NoError(t, err, "each cell where it was")
	_, err = Compare(here, []CompareSide{apart(t, "oslo", "oslo", "oslo")}, o)
	require.ErrorContains(t, err, "node: bergen and oslo")

	o.Force = true
	all, err := Compare(here, []CompareSide{apart(t, "bergen", "oslo", "bergen")}, o)
	require.NoError(t, err)
	require.Len(t, all[0].Forced, 4, "each once, however many cells have it: %q", all[0].Forced)
	for format, out := range formats(t, all) {
		require.True(t, bytes.Contains(out, []byte("node: oslo and bergen")) || bytes.Contains(out, []byte("not comparable")), format)
	}
}

// TestHostsAreNotCompared: a run that measured all its cells on one host is of that host.
func TestHostsAreNotCompared(t *testing.T) {
	named := func(seed uint64, node string) CompareSide {
		return side(t, booted(3), node, seed, func(in *Input) { in.Environment.Node = node })
	}
	oslo, before := named(1, "oslo"), named(2, "")
	o := CompareOptions{Metric: "p50", Margin: 0.05}
	_, err := Compare(oslo, []CompareSide{named(2, "oslo")}, o)
	require.NoError(t, err)
	_, err = Compare(oslo, []CompareSide{before}, o)
	require.NoError(t, err, "of before results had a name")
	_, err = Compare(oslo, []CompareSide{named(2, "bergen")}, o)
	require.ErrorContains(t, err, "node: oslo and bergen")

	o.Force = true
	all, err := Compare(oslo, []CompareSide{named(2, "bergen")}, o)
	require.NoError(t, err)
	require.Equal(t, []string{"node: oslo and bergen"}, all[0].Forced)
	require.Contains(t, drawings(t, oslo)["page"], "Host oslo")
	text, err := JSON(oslo.Result)
	require.NoError(t, err)
	require.NoError(t, validate(t, text))

	counted := oslo.Result
	counted.Backend = backendIcount
	require.NotContains(t, RigOf(counted, nil), Common{"node", "oslo"})
	require.Equal(t, "oslo", NodeOf(counted, nil))
}

func TestBundleOfAHost(t *testing.T) {
	dir := t.TempDir()
	s := side(t, booted(3), "result", 1, func(in *Input) { in.Environment.Node = "oslo" })
	require.NoError(t, Write(dir, s.Result, s.Blocks))
	var packed bytes.Buffer
	_, err := Bundle(&packed, dir, BundleOptions{Testbed: "1.2"})
	require.NoError(t, err)
	out := unpacked(t, packed.Bytes())
	r, _, err := Read(out)
	require.NoError(t, err)
	require.Equal(t, "redacted_node_1", r.Environment.Node)
	page, err := os.ReadFile(filepath.Join(out, PageFile))
	require.NoError(t, err)
	require.NotContains(t, string(page), "oslo")
}

// TestCellsApartAreNotPaired: a drift of the machine did not meet both alike, though one
// result, with one time, has them.
func TestCellsApartAreNotPaired(t *testing.T) {
	gathered := apart(t, "oslo", "oslo", "oslo")
	inTurns := apart(t)
	compared := func(s CompareSide) testbed.Estimate {
		old, recent := s, s
		old.Cell, recent.Cell = map[string]string{"kernel": "bookworm"}, map[string]string{"kernel": "trixie"}
		require.Equal(t, len(s.Result.Environment.Cells) == 0, interleaved(old, recent))
		all, err := Compare(old, []CompareSide{recent}, CompareOptions{Metric: "p50", Margin: 0.05})
		require.NoError(t, err)
		return all[0].Modes[0].Itself
	}
	alone, paired := compared(gathered), compared(inTurns)
	require.InEpsilon(t, *paired.Estimate, *alone.Estimate, 1e-9)
	require.NotEqual(t, *paired.Lo, *alone.Lo, "the interval is of two means, not of differences")

	gathered.Result.Backend = backendIcount
	require.True(t, interleaved(gathered, gathered), "a seed is the same, whenever it was counted")
}

func TestCountsAreOfNoNode(t *testing.T) {
	s := apart(t, "oslo", "bergen", "oslo")
	s.Result.Backend = backendIcount
	require.Len(t, matrixTables(s.Result)[0].Cells, 3)
	s.Result.Environment.Cells[1].Host["qemu"] = "10.0.3"
	require.Len(t, matrixTables(s.Result)[0].Cells, 2, "but of a version of QEMU")
}

// Nodes stay apart in a bundle, under names that say nothing.
func TestBundleOfNodes(t *testing.T) {
	dir := t.TempDir()
	s := apart(t, "n1", "n2", "n1")
	require.NoError(t, Write(dir, s.Result, s.Blocks))
	var packed, again bytes.Buffer
	removed, err := Bundle(&packed, dir, BundleOptions{Testbed: "1.2"})
	require.NoError(t, err)
	require.Contains(t, removed, "result.json: host name, 3 times")
	out := unpacked(t, packed.Bytes())
	r, _, err := Read(out)
	require.NoError(t, err)
	var nodes []string
	for _, c := range r.Environment.Cells {
		nodes = append(nodes, c.Node)
	}
	require.Equal(t, []string{"redacted_node_1", "redacted_node_2", "redacted_node_1"}, nodes)
	page, err := os.ReadFile(filepath.Join(out, PageFile))
	require.NoError(t, err)
	require.NotContains(t, string(page), "on n1,")

	_, err = Bundle(&again, out, BundleOptions{Testbed: "1.2"})
	require.NoError(t, err)
	first, err := json.Marshal(r)
	require.NoError(t, err)
	r, _, err = Read(unpacked(t, again.Bytes()))
	require.NoError(t, err)
	second, err := json.Marshal(r)
	require.NoError(t, err)
	require.JSONEq(t, string(first), string(second))
}
