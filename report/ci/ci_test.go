package ci

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostile are cases whose texts hold what each format has a meaning for.
var hostile = []Suite{
	{Name: "tcp_rr [kernel = 6.1, size = 1]", Cases: []Case{
		{"docker0", Fail, "worse: +11.0% <b> & \"more\"\nsecond line"},
		{"macvlan # SKIP", Pass, "equal"},
		{"host::x,y", Skip, "undecided"},
	}},
	{Name: "udp_rr", Cases: []Case{{"host", Pass, ""}}},
	{Name: "nothing told", Cases: []Case{{"host", Skip, ""}}},
}

func written(t *testing.T, write func(io.Writer, []Suite) error) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b, hostile))
	return b.String()
}

// through feeds a text to a program of somebody else's.
func through(t *testing.T, text, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestJUnitIsRead(t *testing.T) {
	const script = `
import sys
from junitparser import JUnitXml, Failure, Skipped
for suite in JUnitXml.fromstring(sys.stdin.buffer.read()):
    print(suite.name, suite.tests, suite.failures, suite.skipped)
    for case in suite:
        result = case.result if isinstance(case.result, list) else [case.result]
        print(" ", case.name, *[(type(r).__name__, r.message) for r in result if r])
`
	python, err := exec.LookPath("/usr/bin/python3") // Debian's, which has Debian's modules.
	require.NoError(t, err)
	require.Equal(t, `tcp_rr [kernel = 6.1, size = 1] 3 1 1
  docker0 ('Failure', 'worse: +11.0% <b> & "more"\nsecond line')
  macvlan # SKIP
  host::x,y ('Skipped', 'undecided')
udp_rr 1 0 0
  host
nothing told 1 0 1
  host ('Skipped', '')
`, through(t, written(t, JUnit), python, "-c", script))
}

// TestKTAPIsRead by a parser that descends into subtests. Of the kernel's own format it
// does not know the name.
func TestKTAPIsRead(t *testing.T) {
	const script = `
const { Parser = require("tap-parser") } = require("tap-parser");
const watch = (parser, indent) => {
  parser.on("plan", p => console.log("%s%d to %d", indent, p.start, p.end));
  parser.on("assert", a => console.log("%s%s %d %s%s", indent, a.ok ? "ok" : "not ok", a.id, a.name, a.skip ? " (skipped: " + a.skip + ")" : ""));
  parser.on("child", c => { console.log("%sin %s", indent, c.name); watch(c, indent + "  "); });
  parser.on("complete", r => r.failures.filter(f => f.tapError).forEach(f => console.log("%swrong: %s", indent, f.tapError)));
};
const whole = new Parser();
watch(whole, "");
whole.on("extra", e => console.log(e.trim()));
process.stdin.pipe(whole);
`
	t.Setenv("NODE_PATH", "/usr/share/nodejs") // Debian's modules, for another's node too.
	text := written(t, KTAP)
	require.Equal(t, `KTAP version 1
1 to 3
KTAP version 1
in tcp_rr [kernel = 6.1, size = 1]
  1 to 3
  not ok 1 docker0 # worse: +11.0% <b> & "more" second line
  ok 2 macvlan SKIP # equal
  ok 3 host::x,y (skipped: undecided)
not ok 1 tcp_rr [kernel = 6.1, size = 1]
KTAP version 1
in udp_rr
  1 to 1
  ok 1 host
ok 2 udp_rr
KTAP version 1
in nothing told
  1 to 1
  ok 1 host (skipped: true)
ok 3 nothing told (skipped: true)
`, through(t, text, "node", "-e", script))
	for from, to := range map[string]string{"    1..3\n": "    1..2\n", "\n1..3\n": "\n1..2\n"} {
		require.Contains(t, through(t, strings.Replace(text, from, to, 1), "node", "-e", script), "wrong: ", to)
	}
}

// TestGitHubIsRead by the rules of the runner, after which nothing is left of what escapes.
func TestGitHubIsRead(t *testing.T) {
	title := "tcp_rr [kernel = 6.1, size = 1] "
	var all []annotation
	for line := range strings.Lines(written(t, GitHub)) {
		read, err := parseAnnotation(strings.TrimSuffix(line, "\n"))
		require.NoError(t, err)
		all = append(all, read)
	}
	require.Equal(t, []annotation{
		{"error", map[string]string{"title": title + "docker0"}, "worse: +11.0% <b> & \"more\"\nsecond line"},
		{"notice", map[string]string{"title": title + "macvlan # SKIP"}, "equal"},
		{"warning", map[string]string{"title": title + "host::x,y"}, "undecided"},
		{"notice", map[string]string{"title": "udp_rr host"}, ""},
		{"warning", map[string]string{"title": "nothing told host"}, ""},
	}, all)

	for _, line := range []string{
		"error title=a::b", "::errror title=a::b", "::error title=a", "::error tilte=a::b", "::error title=a,b::c", "::error title=a:b::c",
		"::error title=5%::c", "::error title=a::5%", "::error title=a::b\r", "::error title=a,title=b::c",
	} {
		_, err := parseAnnotation(line)
		require.Error(t, err, line)
	}
}
