package report

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report/pagetest"
	"github.com/testbed-lab/testbed/testbed"
)

// openLoops is a result of four tests that differ in their rate alone, in an order that is
// not that of the rates; docker0 missed its schedule at the highest.
func openLoops(t testing.TB) (testbed.Result, []testbed.Block) {
	w := typical()
	w.modes, w.tests = []string{"host", "docker0"}, []string{"rr-8000", "rr-1000", "rr-2000", "rr-4000"}
	r := w.result(t)
	nagleOff(&r)
	for i := range r.Tests {
		r.Tests[i].Protocol = "tcp_rr"
		_, err := fmt.Sscanf(r.Tests[i].Name, "rr-%f", offer(&r.Tests[i]))
		require.NoError(t, err)
		for k := range r.Tests[i].Modes {
			r.Tests[i].Modes[k].Rate.Estimate = pointer(r.Tests[i].Load.Rate * 0.999)
		}
	}
	docker0 := &r.Tests[0].Modes[1]
	docker0.Missed, docker0.Rate.Estimate = docker0.Transactions/8, pointer(7400.0)
	return r, w.blocks(t, 7)
}

// offer is where a test's rate stands.
func offer(t *testbed.TestResult) *float64 {
	t.Load = &testbed.Load{Schedule: "poisson"}
	return &t.Load.Rate
}

func TestLoads(t *testing.T) {
	r, _ := openLoops(t)
	all := loads(r)
	require.Len(t, all, 1)
	assert.Equal(t, []int{1, 2, 3, 0}, all[0].tests, "by rate")
	rows := all[0].Rows
	require.Len(t, rows, 8)
	assert.Equal(t, []string{"host", "1,000"}, []string{rows[0].Cells[0].Text, rows[0].Cells[1].Text})
	assert.Equal(t, []string{"docker0", "8,000", "12.5%"}, []string{rows[7].Cells[0].Text, rows[7].Cells[1].Text, rows[7].Cells[5].Text})

	panels := all[0].panels("load-1", r)
	require.Len(t, panels, 1, "a mode beside host")
	lines := panels[0].Lines
	require.Len(t, lines, 4, "p50 and p99 of host, and of the mode")
	assert.Equal(t, "/tests/1/modes/0/p50/estimate", lines[0].Points[0].From)
	short := 0
	for _, line := range lines {
		for _, p := range line.Points {
			if p.Short {
				short++
			}
		}
	}
	assert.Equal(t, 2, short, "p50 and p99 at the rate that was not offered")
	svg := panels[0].SVG()
	wellFormed(t, svg)
	assert.Equal(t, 4, strings.Count(svg, `class="short"`), "two strokes each")
	assert.Equal(t, 16, strings.Count(svg, `data-from="/tests/`), "each point says where it stands")
}

// Tests are drawn together where they differ in nothing but their rate, whichever way the
// lab makes them differ.
func TestLoadsOf(t *testing.T) {
	one := func(name string, rate float64, cell map[string]string) testbed.TestResult {
		test := testbed.TestResult{Name: name, Protocol: "tcp_rr", Unit: testbed.UnitTime, Cell: cell}
		if rate > 0 {
			test.Load = &testbed.Load{Rate: rate, Schedule: "poisson"}
		}
		return test
	}
	cell := func(kernel, load string) map[string]string { return map[string]string{"kernel": kernel, "load": load} }
	udp := one("u", 200, nil)
	udp.Protocol = "udp_rr"
	for name, c := range map[string]struct {
		tests []testbed.TestResult
		want  [][]int
		cells []string
	}{
		"closed loops":     {[]testbed.TestResult{one("a", 0, nil), one("b", 0, nil)}, nil, nil},
		"one rate":         {[]testbed.TestResult{one("a", 100, nil), one("b", 100, nil)}, nil, nil},
		"two rates":        {[]testbed.TestResult{one("a", 100, nil), one("b", 50, nil), one("c", 0, nil)}, [][]int{{1, 0}}, []string{""}},
		"another workload": {[]testbed.TestResult{one("a", 100, nil), udp}, nil, nil},
		"a matrix of kernel and load": {
			[]testbed.TestResult{one("a", 100, cell("x", "low")), one("a", 500, cell("x", "high")), one("a", 100, cell("y", "low")), one("a", 500, cell("y", "high"))},
			[][]int{{0, 1}, {2, 3}}, []string{"kernel = x", "kernel = y"},
		},
	} {
		var got [][]int
		var cells []string
		for _, l := range loads(testbed.Result{Tests: c.tests}) {
			got, cells = append(got, l.tests), append(cells, l.Cell)
		}
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.cells, cells, name)
	}
}

func TestLoadInPageAndPaper(t *testing.T) {
	r, blocks := openLoops(t)
	document := pagetest.Browse(t, pageOf(t, r, blocks), "")
	assert.Contains(t, document, `<h2 id="load-1">Latency against load</h2>`)
	assert.Contains(t, document, `id="load-1-mode-2-title">Latency of docker0 against load`)
	assert.Contains(t, drawn(t, r, TerminalOptions{}), "Latency against load")

	dir := t.TempDir()
	names, err := Paper(dir, r, blocks)
	require.NoError(t, err)
	for _, name := range []string{"container-latency-load.pdf", "container-latency-load.pgf", "container-latency-load.tex"} {
		require.Contains(t, names, name)
	}
	text, err := exec.Command("pdftotext", "-layout", filepath.Join(dir, "container-latency-load.pdf"), "-").CombinedOutput()
	require.NoError(t, err, "%s", text)
	for _, want := range []string{"docker0 p99", "host p50", "µs by load", "/s"} {
		assert.Contains(t, string(text), want)
	}
	tex, err := os.ReadFile(filepath.Join(dir, "container-latency-load.tex"))
	require.NoError(t, err)
	for _, want := range []string{"open loop, poisson", "crosses: the schedule was missed", "124,800 transactions in all", "Linux 6.12"} {
		assert.Contains(t, string(tex), want)
	}
}

// A load at which a mode has no figure leaves a gap, not a number.
func TestLoadWithoutFigures(t *testing.T) {
	r, _ := openLoops(t)
	for i := range r.Tests {
		r.Tests[i].Modes[1].P50, r.Tests[i].Modes[1].P99 = testbed.Estimate{Reason: "none"}, testbed.Estimate{Reason: "none"}
	}
	l := loads(r)[0]
	require.Len(t, l.panels("load-1", r)[0].Lines, 2, "host's")
	for i := range r.Tests {
		r.Tests[i].Modes = r.Tests[i].Modes[1:]
	}
	assert.Empty(t, loads(r)[0].panels("load-1", r), "nor host's")
	r.Tests[0].Modes, r.Tests[1].Modes, r.Tests[2].Modes, r.Tests[3].Modes = nil, nil, nil, nil
	assert.Empty(t, loads(r)[0].panels("load-1", r))
}
