package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// partlyFailed are three kernels: one that panics at boot, one that hangs in the set-up of
// a mode after a round, and one whose image cannot be built.
func partlyFailed(t *testing.T) (testbed.Result, []testbed.Block) {
	in := kernels(typical()).input(t)
	kept := in.Blocks[:0]
	for _, b := range in.Blocks {
		if b.Cell["kernel"] == "trixie" && b.Round == 0 && b.Mode != "macvlan" {
			kept = append(kept, b)
		}
	}
	in.Blocks = kept
	at := func(kernel string) map[string]string { return map[string]string{"kernel": kernel} }
	in.Crashes = []testbed.Crash{
		{Machine: "client", Cell: at("bookworm"), Boot: 1, Place: "boot", Complaint: "Kernel panic - not syncing: <x>",
			Frames: []string{"mount_block_root", "prepare_namespace"}, Console: "consoles/kernel=bookworm.client.log", Tail: []string{"one", "two <b>"}},
		{Machine: "server", Cell: at("trixie"), Boot: 2, Place: `test "tcp_rr", mode "macvlan", round 2`, Hung: true,
			Complaint: `set-up of mode "macvlan" hangs: the kernel has not returned from "add link" after 30 s; modprobe waits`,
			Frames:    []string{"macvlan_init [macvlan]"}},
	}
	in.Failures = []testbed.CellFailure{
		{Cell: at("bookworm"), Reason: "boot client: its kernel failed"},
		{Cell: at("trixie"), Reason: "agent on server: hangs"},
		{Cell: at("trixie-backports"), Reason: "build image: no such package"},
	}
	r, err := Analyze(in)
	require.NoError(t, err)
	return r, in.Blocks
}

// TestWhatFailedIsTold: every output names the cells that failed, how, and where; what
// was measured besides stays.
func TestWhatFailedIsTold(t *testing.T) {
	r, blocks := partlyFailed(t)
	text, err := JSON(r)
	require.NoError(t, err)
	require.NoError(t, validate(t, text))
	var b bytes.Buffer
	require.NoError(t, Terminal(&b, r, TerminalOptions{}))
	golden(t, "failed.txt", b.Bytes())
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, columnsOf(strings.TrimRight(line, "\n")), defaultWidth)
	}
	b.Reset()
	require.NoError(t, Markdown(&b, r))
	golden(t, "failed.md", b.Bytes())

	page := pageOf(t, r, blocks)
	for _, part := range []string{
		`<h2 id="failed">What failed, in 3 of 3 cells</h2>`,
		`<li id="failure-1" data-from="/crashes/0"><span class="verdict">crashed</span>`, `Kernel panic - not syncing: &lt;x&gt;`,
		`<code>mount_block_root &lt; prepare_namespace</code>`, "<pre>one\ntwo &lt;b&gt;</pre>",
		`<span class="verdict">hung</span> <span class="claim">kernel = trixie<br><small>machine server, boot 2, in test`,
		`<li id="failure-3" data-from="/failures/2"><span class="verdict">failed</span>`,
		`<td class="number failed" data-from="/crashes/0"><a href="#failure-1">crashed</a></td>`,
		`<td class="number failed" data-from="/crashes/1"><a href="#failure-2">hung</a></td>`,
		`<td class="number failed" data-from="/failures/2"><a href="#failure-3">failed</a></td>`,
	} {
		require.Contains(t, page, part)
	}
	suites := ResultSuites(r)
	require.Equal(t, "what failed, in 3 of 3 cells", suites[0].Name)
	require.Equal(t, "kernel = bookworm crashed: machine client, at boot", suites[0].Cases[0].Name)
	require.Equal(t, "Kernel panic - not syncing: <x>; in mount_block_root < prepare_namespace; console: consoles/kernel=bookworm.client.log", suites[0].Cases[0].Text)
	b.Reset()
	require.NoError(t, CSV(&b, r))
	require.Contains(t, b.String(), "kernel = bookworm,host,failed,,,,,,,,,,the kernel of client crashed: Kernel panic - not syncing: <x>\n")
	require.Contains(t, b.String(), "kernel = trixie-backports,host,failed,,,,,,,,,,build image: no such package\n")
	b.Reset()
	require.NoError(t, LaTeX(&b, r))
	require.Contains(t, b.String(), "{failed}")
}

// TestAFailureWithoutAMatrix has no cell to name, and one of no machine no place at all.
func TestAFailureWithoutAMatrix(t *testing.T) {
	require.Equal(t, "machine server, at boot", failure{Where: "machine server, at boot"}.place())
	require.Equal(t, "kernel = trixie; machine server", failure{Cell: "kernel = trixie", Where: "machine server"}.place())
	require.Equal(t, "kernel = trixie", failure{Cell: "kernel = trixie"}.place())
	r := testbed.Result{Crashes: []testbed.Crash{{Machine: "server", Complaint: "Kernel panic"}}}
	var b bytes.Buffer
	require.NoError(t, Terminal(&b, r, TerminalOptions{}))
	require.Contains(t, b.String(), "\n  crashed  machine server\n           Kernel panic\n")
}

// TestACountedGuestIsNobody: its name is in every console and crash, and says nothing of
// anybody.
func TestACountedGuestIsNobody(t *testing.T) {
	r := testbed.Result{Backend: backendIcount, Environment: testbed.Environment{Machines: []testbed.MachineEnvironment{
		{Name: "client", Facts: map[string]any{"hostname": "guest"}},
	}}}
	require.Empty(t, hostNames(r))
	r.Backend = "ssh"
	require.Equal(t, []string{"guest"}, hostNames(r))
}

// TestNothingFailed: then no output says anything of failures.
func TestNothingFailed(t *testing.T) {
	r := kernels(typical()).result(t)
	require.Empty(t, failures(r))
	require.NotContains(t, pageOf(t, r, nil), "What failed")
}
