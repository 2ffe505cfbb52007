package page

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/testbed-lab/testbed/history"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/report/pagetest"
	"github.com/testbed-lab/testbed/testbed"
)

// stepped is a series whose level rises by 5% after 20 results.
func stepped(t *testing.T, id, mode, unit string, level float64) history.Series {
	t.Helper()
	s := history.Series{
		ID: id, Lab: "night<ly>", Test: "tcp_rr", Cell: map[string]string{"size": "1"}, Mode: mode, Metric: "ratio", Unit: unit,
		Rig: []report.Common{{What: "backend", Value: "libvirt"}, {What: "accelerator", Value: "kvm"}, {What: "QEMU", Value: "10"}, {What: "CPU model of the host", Value: "EPYC"}, {What: "CPU model of a", Value: "EPYC"}},
	}
	for n := range 30 {
		v := level * (1 + 0.002*float64(n%3-1))
		if n >= 20 {
			v *= 1.05
		}
		lo, hi := v*0.99, v*1.01
		p := history.Point{Result: fmt.Sprintf("%064d", n), Started: time.Date(2026, 11, 1+n, 2, 0, 0, 0, time.UTC), Kernels: []string{fmt.Sprintf("6.12.%d", n/20)}, Value: v, Lo: &lo, Hi: &hi}
		if n == 3 {
			p.Lo, p.Hi = nil, nil
		}
		s.Points = append(s.Points, p)
	}
	require.NoError(t, s.Judge(history.Judging{}, nil))
	require.Len(t, s.Changes, 1)
	return s
}

func written(t *testing.T, series ...history.Series) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, series, "v1"))
	return b.String()
}

func TestPageStandsAlone(t *testing.T) {
	short := stepped(t, "c3", "macvlan", "", 1.1)
	short.Points, short.Rig = short.Points[:2], nil
	require.NoError(t, short.Judge(history.Judging{}, nil))
	text := written(t, stepped(t, "a1", `docker"0`, "", 1.2), stepped(t, "b2", "host", testbed.UnitTime, 40e3), short)
	report := regexp.MustCompile(`^reports/[0-9]{16}\.html$`)
	pagetest.StandsAlone(t, text, report.MatchString)
	require.NotContains(t, text, "NaN")

	plain := html.UnescapeString(text)
	for _, says := range []string{
		"3 series of 30 results, 2 changes of level. 1 too short to judge.",
		"▲ +5.0%, p ", "1.200 → 1.260", "6.12.0 → 6.12.1", "night<ly>: tcp_rr", "size = 1",
		"libvirt · kvm · QEMU 10 · EPYC<", "40.00 µs → 42.01 µs", "2 results; now 1.100 [1.089, 1.111]; too short to judge",
		"2026-11-21 02:00: 1.263 [1.250, 1.275], Linux 6.12.1; ▲ +5.0%, p ",
	} {
		require.True(t, strings.Contains(plain, says), says)
	}
	require.Equal(t, 2, strings.Count(text, `<section aria-labelledby="test-`), "another rig is another group")
}

// The figures' points are walked by arrow keys, and the browser has nothing to complain of.
func TestPageInABrowser(t *testing.T) {
	text := written(t, stepped(t, "a1", "docker0", "", 1.2))
	// The page's policy lets no other script run, so the keys go through the page's own
	// listener by events that this appends to a copy with that policy taken out.
	policy := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`)
	keys := `<script>
const points = [...document.querySelectorAll("a.night")];
const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
const at = () => points.indexOf(document.activeElement);
const said = [document.querySelectorAll('a.night[tabindex="0"]').length];
points[29].focus();
for (const key of ["ArrowLeft", "ArrowLeft", "Home", "ArrowLeft", "ArrowRight", "End"]) { press(key); said.push(at()); }
document.title = said.join(" ");
</script>`
	for document, says := range map[string]string{
		text: `.html" tabindex="0"`, // Of a point: the script ran, so the policy knows it.
		strings.Replace(policy.ReplaceAllString(text, ""), "</body>", keys+"</body>", 1): "<title>1 28 27 0 0 1 29</title>",
	} {
		require.Contains(t, pagetest.Browse(t, document, ""), says)
	}
}
