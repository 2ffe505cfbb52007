package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/history"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// nightly writes a result of the nth night, in which docker0 costs so much.
func nightly(t *testing.T, n int, ratio float64) string {
	t.Helper()
	wobble := 1 + 0.003*float64(n%3-1)
	estimate := func(v float64) testbed.Estimate {
		lo, hi := v*0.99, v*1.01
		return testbed.Estimate{Estimate: &v, Lo: &lo, Hi: &hi, N: 10, Method: "geometric mean of rounds"}
	}
	dir := filepath.Join("results", fmt.Sprintf("night-%02d", n))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, report.Write(dir, testbed.Result{
		Schema: testbed.ResultSchema, Lab: "nightly", Backend: "local", Started: time.Date(2026, 11, 1+n, 2, 0, 0, 0, time.UTC),
		Environment: testbed.Environment{
			Host:     map[string]any{"cpu_model": "AMD EPYC"},
			Machines: []testbed.MachineEnvironment{{Name: "client", Facts: map[string]any{"kernel_release": fmt.Sprintf("6.12.%d", n)}}},
		},
		Tests: []testbed.TestResult{{Name: "tcp_rr", Protocol: "tcp_rr", Engine: "testbed", Unit: testbed.UnitTime, Modes: []testbed.ModeResult{
			{Name: "host", Status: testbed.StatusOK, P50: estimate(40e3)},
			{Name: "docker0", Status: testbed.StatusOK, P50: estimate(40e3 * ratio * wobble), RatioToHost: map[string]testbed.Estimate{"p50": estimate(ratio * wobble)}},
		}}},
	}, nil))
	return dir
}

// A job on each night: 0 while nothing changes, 4 as long as there is too little, 3 once
// when it does.
func TestHistoryOfNights(t *testing.T) {
	folder(t)
	var statuses []int
	for n := range 18 {
		ratio := 1.2
		if n >= 12 {
			ratio = 1.26
		}
		added := invoke(t, "", "history", "add", "--store", "store", nightly(t, n, ratio))
		require.Equal(t, exitDone, added.status, added.stderr)
		require.Regexp(t, fmt.Sprintf(`^results/night-%02d: [0-9a-f]{12}, lab nightly of 2026-11-%02d 02:00: added \(\d+ KB\)\n$`, n, n+1), added.stdout)
		statuses = append(statuses, invoke(t, "", "history", "check", "--store", "store").status)
	}
	require.Equal(t, []int{4, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0}, statuses)

	require.NoError(t, os.RemoveAll("results"))
	list := invoke(t, "", "history", "list", "--store", "store")
	require.Equal(t, exitDone, list.status, list.stderr)
	require.Contains(t, list.stdout, "nightly, tcp_rr · local · AMD EPYC\nSERIES ")
	require.Regexp(t, `(?m)^[0-9a-f]{10}  docker0  ratio   18      1        1\.264     2026-11-18 02:00$`, list.stdout)

	var series []history.Series
	require.NoError(t, json.Unmarshal([]byte(invoke(t, "", "history", "list", "--store", "store", "--json", "--metric", "ratio").stdout), &series))
	require.Len(t, series, 1)
	require.Len(t, series[0].Points, 18)
	require.False(t, series[0].Changes[0].New)

	show := invoke(t, "", "history", "show", "--store", "store", series[0].ID[:4], "--mode", "docker0", "--metric", "ratio")
	require.Equal(t, exitDone, show.status, show.stderr)
	require.Regexp(t, `(?m)^2026-11-13 02:00  1\.256  \[1\.244, 1\.269\]  [0-9a-f]{12}  \+5\.0%, p \S+( 1e-15)?  6\.12\.12$`, show.stdout)
	require.Contains(t, show.stdout, "\nslower: +5.0% (1.200 → 1.260, p ")
	require.Contains(t, show.stdout, "from 2026-11-13 02:00, Linux 6.12.11 → 6.12.12\n")

	plot := invoke(t, "", "history", "plot", "--store", "store")
	require.Equal(t, exitDone, plot.status, plot.stderr)
	require.Equal(t, "store/page/index.html\n", plot.stdout)
	page, err := os.ReadFile("store/page/index.html")
	require.NoError(t, err)
	reports, err := filepath.Glob("store/page/reports/*.html")
	require.NoError(t, err)
	require.Len(t, reports, 18)
	for _, path := range reports {
		require.Contains(t, string(page), `href="reports/`+filepath.Base(path)+`"`)
	}
}

func TestHistoryCheckSays(t *testing.T) {
	folder(t)
	var nights []string
	for n := range 20 {
		nights = append(nights, nightly(t, n, 1.2-0.06*float64(n/12)))
	}
	require.Equal(t, exitDone, invoke(t, "", append([]string{"history", "add", "--store", "store"}, nights...)...).status)
	check := func(more ...string) invocation {
		return invoke(t, "", append([]string{"history", "check", "--store", "store"}, more...)...)
	}
	dry := check("--dry-run")
	require.Equal(t, exitRefuted, dry.status)
	require.Regexp(t, `^faster: nightly, tcp_rr · local · AMD EPYC, docker0 ratio: −5\.0% \(1\.200 → 1\.140, p [^)]+\) from 2026-11-13 02:00, Linux 6\.12\.11 → 6\.12\.12\n1 new, in 1 series judged; 0 too short to judge\n$`, dry.stdout)
	require.Equal(t, exitDone, check("--dry-run", "--min-change", "6%").status)
	require.Equal(t, exitDone, check("--dry-run", "--max-p", "1e-300").status)
	require.Equal(t, exitDone, check("--dry-run", "--metric", "p50", "--mode", "host").status)
	require.Equal(t, exitRefuted, check("--dry-run", "--metric", "p50").status)

	var found struct {
		New []struct {
			Mode   string  `json:"mode"`
			Change float64 `json:"change"`
			Fails  bool    `json:"fails"`
		} `json:"new"`
		Judged int `json:"judged"`
	}
	slower := check("--direction", "slower", "--json")
	require.Equal(t, exitDone, slower.status, "what is faster is said, and fails nothing")
	require.NoError(t, json.Unmarshal([]byte(slower.stdout), &found))
	require.Equal(t, "docker0", found.New[0].Mode)
	require.InDelta(t, -0.05, found.New[0].Change, 0.001)
	require.False(t, found.New[0].Fails)
	require.Equal(t, "0 new, in 1 series judged; 0 too short to judge\n", check().stdout, "it was said before")

	// A mode that the newest result lacks.
	dir := nightly(t, 20, 1.14)
	result, err := os.ReadFile(filepath.Join(dir, report.ResultFile))
	require.NoError(t, err)
	text := strings.Replace(string(result), `"status": "ok"`, `"status": "x"`, 2)
	text = strings.Replace(text, `"status": "x"`, `"status": "ok"`, 1)
	text = strings.Replace(text, `"status": "x"`, `"status": "failed"`, 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, report.ResultFile), []byte(text), 0o644))
	require.Equal(t, exitDone, invoke(t, "", "history", "add", "--store", "store", dir).status)
	require.Contains(t, check().stderr, "testbed: docker0, ratio: the newest result of nightly, tcp_rr · local · AMD EPYC does not have it\n")
}

// TestHistoryPicks by kernel and host, which are of results and not of series.
func TestHistoryPicks(t *testing.T) {
	folder(t)
	for n := range 4 {
		dir := nightly(t, n, 1.2)
		r, blocks, err := report.Read(dir)
		require.NoError(t, err)
		r.Environment.Node = []string{"oslo", "bergen"}[n/2]
		require.NoError(t, report.Write(dir, r, blocks))
		require.Equal(t, exitDone, invoke(t, "", "history", "add", "--store", "store", dir).status)
	}
	count := func(more ...string) (points []int) {
		var series []history.Series
		got := invoke(t, "", append([]string{"history", "list", "--store", "store", "--json", "--metric", "ratio"}, more...)...)
		require.Equal(t, exitDone, got.status, got.stderr)
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &series))
		for _, s := range series {
			points = append(points, len(s.Points))
		}
		return points
	}
	require.Equal(t, []int{2, 2}, count(), "a host has series of its own")
	require.Equal(t, []int{2}, count("--host", "oslo"))
	require.Equal(t, []int{1}, count("--kernel", "6.12.3"))
	require.Contains(t, invoke(t, "", "history", "show", "--store", "store", "--metric", "ratio", "--host", "bergen").stdout, "nightly, tcp_rr · local · AMD EPYC · bergen\n")
	for _, more := range [][]string{{"--kernel", "6.1"}, {"--host", "trondheim"}} {
		for _, verb := range []string{"list", "show", "plot", "check"} {
			got := invoke(t, "", append([]string{"history", verb, "--store", "store"}, more...)...)
			require.Equal(t, exitUsage, got.status, verb)
			require.Contains(t, got.stderr, "no series is picked")
		}
	}
}

func TestHistoryAddIsAllOrNothing(t *testing.T) {
	folder(t)
	good, other, newer := nightly(t, 0, 1.2), nightly(t, 1, 1.2), nightly(t, 2, 1.2)
	require.NoError(t, os.WriteFile(filepath.Join(newer, report.ResultFile), []byte(`{"schema": "testbed.result/v2"}`), 0o644))
	got := invoke(t, "", "history", "add", "--store", "store", good, newer, other)
	require.Equal(t, exitUsage, got.status)
	require.Empty(t, got.stdout)
	require.Contains(t, got.stderr, `its schema is "testbed.result/v2"; this version reads "testbed.result/v1"`)
	require.Contains(t, got.stderr, "hint: nothing was added")
	require.NoDirExists(t, "store")

	require.Equal(t, exitDone, invoke(t, "", "history", "add", "--store", "store", good).status)
	require.Equal(t, exitUsage, invoke(t, "", "history", "add", "--store", "store", other, "nowhere").status)
	again := invoke(t, "", "history", "add", "--store", "store", good, other)
	require.Contains(t, again.stdout, "night-00: ")
	require.Contains(t, again.stdout, ": there already\n")
	require.Equal(t, 1, strings.Count(again.stdout, ": added ("))
}

func TestHistoryMistakes(t *testing.T) {
	folder(t)
	dir := nightly(t, 0, 1.2)
	require.Equal(t, exitDone, invoke(t, "", "history", "add", "--store", "store", dir).status)
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"list"}, []string{"no --store", "--store history"}},
		{[]string{"add", "--store", "store"}, []string{"usage: testbed history add RESULT..."}},
		{[]string{"list", "--store", "nowhere"}, []string{`no history in "nowhere"`, "testbed history add --store nowhere"}},
		{[]string{"list", "--store", "store", "--mode", "x"}, []string{"no series is picked", "testbed history list --store store"}},
		{[]string{"list", "--store", "store", "--cell", "x"}, []string{`"x" is no coordinate`}},
		{[]string{"list", "--store", "store", "--metric", "p90"}, []string{`no metric "p90"`, "ratio, instructions, p50, p99"}},
		{[]string{"show", "--store", "store"}, []string{"3 series are picked", "(tcp_rr, docker0, ratio)"}},
		{[]string{"show", "--store", "store", "zz"}, []string{"no series is picked"}},
		{[]string{"check", "--store", "store", "--direction", "up"}, []string{`no direction "up"`, "slower"}},
		{[]string{"check", "--store", "store", "--min-change", "two"}, []string{`--min-change: "two" is no share`}},
		{[]string{"check", "--store", "store", "--max-p", "2"}, []string{"--max-p: 2 is not between 0 and 1"}},
		{[]string{"plot", "--store", "store", "--out", "store/history.db"}, []string{"not a directory", "--out DIR"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			got := invoke(t, "", append([]string{"history"}, c.args...)...)
			require.Equal(t, exitUsage, got.status, got.stderr)
			require.Empty(t, got.stdout)
			for _, text := range c.says {
				require.Contains(t, got.stderr, text)
			}
		})
	}
	require.NoError(t, os.WriteFile("store/history.db", []byte(strings.Repeat("x", 40000)), 0o644))
	broken := invoke(t, "", "history", "list", "--store", "store")
	require.Equal(t, exitFailed, broken.status)
	require.Contains(t, broken.stderr, "hint: move the file away")
}
