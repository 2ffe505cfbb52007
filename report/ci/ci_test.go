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

func TestKTAPIsRead(t *testing.T) {
	text := written(t, KTAP)
	const script = `
use TAP::Parser;
my $parser = TAP::Parser->new({ tap => join("", <STDIN>) });
while (my $r = $parser->next) {
  next unless $r->is_test;
  printf "%s %d %s%s\n", $r->is_ok ? "ok" : "not ok", $r->number, $r->description, $r->has_skip ? " (skipped: " . $r->explanation . ")" : "";
}
print join("; ", $parser->parse_errors), "\n";
`
	require.Equal(t, "not ok 1 tcp_rr [kernel = 6.1, size = 1]\nok 2 udp_rr\nok 3 nothing told (skipped: )\n\n",
		through(t, text, "perl", "-e", script))

	// The subtests by themselves, as a parser of KTAP takes them.
	_, inner, _ := strings.Cut(text, "    KTAP version 1\n")
	inner, _, _ = strings.Cut(inner, "\nnot ok 1")
	read := through(t, strings.ReplaceAll(inner, "\n    ", "\n")[4:], "perl", "-e", script)
	require.Contains(t, read, "not ok 1 ")
	require.Contains(t, read, "ok 2 macvlan SKIP")
	require.NotContains(t, read, "ok 2 macvlan SKIP (skipped", "a name makes no directive")
	require.Contains(t, read, "(skipped: undecided)")
}

func TestGitHubIsOneLineEach(t *testing.T) {
	require.Equal(t, `::error title=tcp_rr [kernel = 6.1%2C size = 1] docker0::worse: +11.0%25 <b> & "more"%0Asecond line
::notice title=tcp_rr [kernel = 6.1%2C size = 1] macvlan # SKIP::equal
::warning title=tcp_rr [kernel = 6.1%2C size = 1] host%3A%3Ax%2Cy::undecided
::notice title=udp_rr host::
::warning title=nothing told host::
`, written(t, GitHub))
}
