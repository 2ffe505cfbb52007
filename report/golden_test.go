package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

var preview = flag.String("preview", "", "folder to write typical reports to, to look at")

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

// judged is the typical result with a mode that the kernel lacks and verdicts of
// each kind.
func judged(t testing.TB) (testbed.Result, []testbed.Block) {
	w := typical()
	w.modes = append(w.modes, "netkit_l2")
	w.unsupported = map[string]string{"netkit_l2": "this kernel has no netkit: CONFIG_NETKIT is not set, it needs Linux 6.7 or newer"}
	lab, blocks := w.lab(), w.blocks(t, 7)
	lab.Expectations = []testbed.Expectation{
		{Name: "veth and NAT cost something", Source: `ratio(test.tcp_rr, mode.docker0, mode.host, "p50") > 1.05`},
		{Name: "macvlan is slow", Source: "ratio(test.tcp_rr, mode.macvlan,\n  mode.host, \"p50\") > 1.1"},
		{Name: "ipvlan l3s costs 3%", Source: `ratio(test.tcp_rr, mode.ipvlan_l3s, mode.host, "p50") > 1.03`},
		{Name: "netkit is near host", Source: `ratio(test.tcp_rr, mode.netkit_l2, mode.host, "p50") < 1.1`},
		{Name: "NAT costs an eighth", Source: `ratio(test.tcp_rr, mode.docker0, mode.host, "p50") > 1.12`, Published: "TCP_RR 2141 against 2446 a second (a lecture, two machines)"},
		{Name: "macvlan is half as fast", Source: `ratio(test.tcp_rr, mode.macvlan, mode.host, "p50") > 2`, Published: "a letter to a mailing list, 2007"},
	}
	r := w.result(t)
	r.Expectations = Judge(lab, [][]testbed.Predicate{{
		above("tcp_rr", "docker0", 1.05), above("tcp_rr", "macvlan", 1.1),
		above("tcp_rr", "ipvlan_l3s", 1.03), above("tcp_rr", "netkit_l2", 1.1),
		above("tcp_rr", "docker0", 1.12), above("tcp_rr", "macvlan", 2),
	}}, blocks)
	nagleOff(&r)
	r.Warnings = append(r.Warnings, "the machines are emulated (TCG): /dev/kvm does not exist")
	return r, blocks
}

// nagleOff is what a lab file has unless it says otherwise.
func nagleOff(r *testbed.Result) {
	for i := range r.Tests {
		r.Tests[i].Settings.NoDelay = true
	}
}

func TestGoldenTerminal(t *testing.T) {
	r, _ := judged(t)
	var b bytes.Buffer
	require.NoError(t, Terminal(&b, r, TerminalOptions{}))
	golden(t, "terminal.txt", b.Bytes())
	b.Reset()
	require.NoError(t, Terminal(&b, r, TerminalOptions{Width: 120}))
	golden(t, "terminal-wide.txt", b.Bytes())
	b.Reset()
	require.NoError(t, Terminal(&b, r, TerminalOptions{Color: true}))
	golden(t, "terminal-color.txt", b.Bytes())
	b.Reset()
	cells := kernels(typical()).result(t)
	nagleOff(&cells)
	require.NoError(t, Terminal(&b, cells, TerminalOptions{}))
	golden(t, "terminal-matrix.txt", b.Bytes())
}

func TestGoldenMarkdown(t *testing.T) {
	r, _ := judged(t)
	var b bytes.Buffer
	require.NoError(t, Markdown(&b, r))
	golden(t, "report.md", b.Bytes())
}

func TestGoldenPage(t *testing.T) {
	w := typical()
	w.modes, w.tests = []string{"host", "docker0", "macvlan", "netkit_l2"}, []string{"tcp_rr"}
	w.unsupported = map[string]string{"netkit_l2": "needs Linux 6.7 or newer"}
	var b bytes.Buffer
	r := w.result(t)
	nagleOff(&r)
	require.NoError(t, HTML(&b, r, w.blocks(t, 7)))
	golden(t, "report.html", b.Bytes())
}

// TestPreview writes whole reports into a folder where -preview names one: what
// a person looks at, in a browser, after changing a drawing.
func TestPreview(t *testing.T) {
	dir := *preview
	if dir == "" {
		dir = t.TempDir()
	}
	r, blocks := judged(t)
	matrix := kernels(typical())
	full, fullBlocks := decorated(t)
	open, openBlocks := openLoops(t)
	for name, one := range map[string]struct {
		result testbed.Result
		blocks []testbed.Block
	}{
		"typical": {r, blocks}, "decorated": {full, fullBlocks}, "matrix": {matrix.result(t), matrix.blocks(t, 7)}, "load": {open, openBlocks},
		"counted": {threeKernels(1).result(t), threeKernels(1).blocks(t)}, "seeds": {threeKernels(6).result(t), threeKernels(6).blocks(t)},
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
		require.NoError(t, Write(filepath.Join(dir, name), one.result, one.blocks))
		read, _, err := Read(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NotEmpty(t, read.Tests)
	}
}
