package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/examples"
)

// invocation is what one run of the command line printed and returned.
type invocation struct {
	stdout, stderr string
	status         int
}

func invoke(t *testing.T, stdin string, args ...string) invocation {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := Main(args, strings.NewReader(stdin), &stdout, &stderr)
	return invocation{stdout.String(), stderr.String(), status}
}

// folder is an empty current folder.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	return dir
}

func TestUsageMistakes(t *testing.T) {
	folder(t)
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"statsu"}, []string{`no verb "statsu"`, "did you mean testbed status?"}},
		{[]string{"frobnicate"}, []string{`no verb "frobnicate"`, "testbed --help lists the verbs"}},
		{[]string{"up", "--nope"}, []string{"unknown flag: --nope", "testbed up --help"}},
		{[]string{"images", "prune", "--unused", "long"}, []string{"invalid", "testbed images prune --help"}},
		{[]string{"ls", "--backend", "xen"}, []string{`no backend "xen"`, "libvirt, local"}},
		{[]string{"ssh"}, []string{"usage: testbed ssh [LAB/]VM"}},
		{[]string{"down", "a", "--all"}, []string{"both a lab and --all"}},
		{[]string{"schema", "lab"}, []string{"testbed schema result"}},
		{[]string{"up"}, []string{"no lab file in this folder", "testbed init"}},
		{[]string{"validate", "missing.hcl"}, []string{"missing.hcl"}},
		{[]string{"validate", "x.hcl", "--var", "rounds"}, []string{`--var "rounds" is not NAME=VALUE`}},
		{[]string{"bisect", "x.hcl", "--good", "6.12"}, []string{"lies between two kernels", "--bad 7.3"}},
		{[]string{"bisect", "x.hcl", "--metric", "p51"}, []string{`no metric "p51"`, "rate, instructions"}},
		{[]string{"bisect", "x.hcl", "--max-regression", "two"}, []string{`--max-regression: "two" is no share`}},
		{[]string{"kernel", "list", "1", "2", "3"}, []string{"usage: testbed kernel list [FROM [TO]]"}},
		{[]string{"report", "nowhere"}, []string{"nowhere"}},
		{[]string{"report", "x", "--with-images"}, []string{"--with-images is about a bundle", "--bundle"}},
		{[]string{"reproduce", "nowhere.tar.zst"}, []string{"nowhere.tar.zst", "--bundle"}},
		{[]string{"reproduce", "x", "--margin", "two"}, []string{`--margin: "two" is no share`}},
		{[]string{"report", "a", "--redact"}, []string{"--redact is about a bundle"}},
		{[]string{"report", "a", "--format", "pdf"}, []string{`no format "pdf"`, "latex"}},
		{[]string{"report", "a", "b", "--bundle", "c"}, []string{"a bundle holds one result"}},
		{[]string{"report", "a", "--out", "b"}, []string{"--format latex"}},
		{[]string{"compare", "one"}, []string{"usage: testbed compare BASE NEW..."}},
		{[]string{"compare", "nowhere", "nowhere"}, []string{"nowhere", "holds a result.json"}},
		{[]string{"compare", "a", "b", "--metric", "p51"}, []string{`no metric "p51"`, "p99"}},
		{[]string{"run", "x.hcl", "--budget", "1m"}, []string{"--budget without --against"}},
		{[]string{"run", "x.hcl", "--against", "old", "--metric", "p51"}, []string{`no metric "p51"`}},
		{[]string{"compare", "a", "b", "--format", "pdf"}, []string{`no format "pdf"`, "junit"}},
		{[]string{"compare", "a", "b", "--max-regression", "two"}, []string{`"two" is no share`, "2%"}},
		{[]string{"compare", "a", "b", "--max-regression", "200%"}, []string{"not between 0 and 100%"}},
		{[]string{"compare", "a", "b", "--base-cell", "old"}, []string{`"old" is no coordinate`, "kernel=old"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			got := invoke(t, "", c.args...)
			require.Equal(t, exitUsage, got.status, got.stderr)
			require.Empty(t, got.stdout)
			for _, text := range c.says {
				require.Contains(t, got.stderr, text)
			}
		})
	}
}

func TestEveryVerbHasHelp(t *testing.T) {
	verbs := (&app{}).root().Commands()
	for len(verbs) > 0 {
		cmd := verbs[0]
		verbs = append(verbs[1:], cmd.Commands()...)
		name := strings.Fields(cmd.CommandPath())[1:]
		got := invoke(t, "", append(name, "--help")...)
		require.Equal(t, exitDone, got.status)
		require.Contains(t, got.stdout, "Usage:")
		for line := range strings.Lines(got.stdout) {
			require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 80, "%s: %s", name, line)
		}
	}
}

func TestInitValidateFmt(t *testing.T) {
	dir := folder(t)
	require.Equal(t, exitDone, invoke(t, "", "init").status)
	text, err := os.ReadFile("lab.hcl")
	require.NoError(t, err)
	require.Equal(t, examples.First, string(text))

	again := invoke(t, "", "init")
	require.Equal(t, exitUsage, again.status)
	require.Contains(t, again.stderr, "lab.hcl exists")

	valid := invoke(t, "", "validate")
	require.Equal(t, exitDone, valid.status, valid.stderr)
	require.Contains(t, valid.stdout, "lab.hcl: lab ")
	require.Equal(t, exitDone, invoke(t, "", "fmt", "--check").status)

	ugly := strings.ReplaceAll(string(text), "  ", "      ")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lab.hcl"), []byte(ugly), 0o644))
	require.NoError(t, os.Chmod("lab.hcl", 0o600))
	check := invoke(t, "", "fmt", "--check")
	require.Equal(t, exitFailed, check.status)
	require.Equal(t, "lab.hcl\n", check.stdout)
	require.Equal(t, exitDone, invoke(t, "", "fmt").status)
	require.Equal(t, exitDone, invoke(t, "", "fmt", "--check").status)
	info, err := os.Stat("lab.hcl")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "fmt keeps the file's mode")
}

func TestFmtOfStandardInput(t *testing.T) {
	got := invoke(t, "a=1\n", "fmt", "-")
	require.Equal(t, invocation{stdout: "a = 1\n"}, got)
	require.Equal(t, exitFailed, invoke(t, "a=1\n", "fmt", "--check", "-").status)
	require.Equal(t, exitDone, invoke(t, "a = 1\n", "fmt", "--check", "-").status)
	broken := invoke(t, "a = \n", "fmt", "-")
	require.Equal(t, exitUsage, broken.status)
	require.Contains(t, broken.stderr, "<stdin>:1:")
}

func TestAllMistakesAtOnceAndNothingStarts(t *testing.T) {
	folder(t)
	text := strings.Replace(examples.First, `release = "trixie"`, `relaese = "trixie"`, 1)
	text = strings.Replace(text, "vm.client", "vm.cleint", 1)
	require.NoError(t, os.WriteFile("lab.hcl", []byte(text), 0o644))
	for _, verb := range []string{"validate", "up", "run", "test", "plan"} {
		got := invoke(t, "", verb)
		require.Equal(t, exitUsage, got.status)
		require.Contains(t, got.stderr, `"release"`)
		require.Contains(t, got.stderr, "client")
		require.Contains(t, got.stderr, "lab.hcl:")
		require.Contains(t, got.stderr, "^^^")
		require.Empty(t, got.stdout)
	}
}

func TestSeveralLabFiles(t *testing.T) {
	folder(t)
	for _, name := range []string{"a.hcl", "b.hcl", "a.lock.hcl"} {
		require.NoError(t, os.WriteFile(name, []byte(examples.First), 0o644))
	}
	got := invoke(t, "", "validate")
	require.Equal(t, exitUsage, got.status)
	require.Contains(t, got.stderr, "name one: a.hcl, b.hcl")
}

func TestSchemaIsJSON(t *testing.T) {
	got := invoke(t, "", "schema", "result")
	require.Equal(t, exitDone, got.status)
	require.True(t, json.Valid([]byte(got.stdout)))
}

func TestCopyUntilEscape(t *testing.T) {
	var to bytes.Buffer
	require.NoError(t, copyUntilEscape(&to, strings.NewReader("ls\r\x1dgone")))
	require.Equal(t, "ls\r", to.String())
}

// TestTimedCellsAreNotMeasuredAtOnce.
func TestTimedCellsAreNotMeasuredAtOnce(t *testing.T) {
	folder(t)
	require.Equal(t, exitDone, invoke(t, "", "init", "lab.hcl").status)
	got := invoke(t, "", "run", "--backend", "local", "--parallel", "2")
	require.Equal(t, exitUsage, got.status)
	require.Contains(t, got.stderr, "--parallel 2: cells that are timed at once would time each other")
}

// TestAgainstMistakes are found before anything boots.
func TestAgainstMistakes(t *testing.T) {
	folder(t)
	require.Equal(t, exitDone, invoke(t, "", "init", "lab.hcl").status)
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"run", "--backend", "local", "--against", "bookworm"}, []string{`the backend "local" boots no image`, "testbed compare"}},
		{[]string{"run", "--against", "image.Old"}, []string{"--against Old: the file declares no such image", "images of the file: debian"}},
		{[]string{"run", "--against", "bookworm", "--format", "pdf"}, []string{`no format "pdf"`}},
	} {
		got := invoke(t, "", c.args...)
		require.Equal(t, exitUsage, got.status, got.stderr)
		for _, text := range c.says {
			require.Contains(t, got.stderr, text)
		}
	}
}
