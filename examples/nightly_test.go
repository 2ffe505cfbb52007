package examples_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/hcl"
)

// systemRoot is as much of a system as the units ask for.
func systemRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	units := filepath.Join(root, "etc/systemd/system")
	programs := filepath.Join(root, "usr/local/bin")
	for _, dir := range []string{units, programs} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	for _, name := range []string{"sysinit", "basic", "shutdown", "timers", "time-set", "time-sync", "network-online"} {
		require.NoError(t, os.WriteFile(filepath.Join(units, name+".target"), []byte("[Unit]\nDescription="+name+"\n"), 0o644))
	}
	for name, dir := range map[string]string{"testbed-nightly.service": units, "testbed-nightly.timer": units, "testbed-nightly": programs} {
		data, err := os.ReadFile(filepath.Join("nightly", name))
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join("nightly", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, info.Mode()))
	}
	return root
}

// needs finds a program that set-up installs for tests; without it the test is skipped.
func needs(t *testing.T, program string) (path string) {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err != nil && os.Getenv("TESTBED_BUILT") != "":
		t.Fatalf("this machine lacks %s, which scripts/setup --test installs", program)
	case err != nil:
		t.Skip("this machine lacks " + program)
	}
	return path
}

// verify is what systemd says of the units in a root.
func verify(t *testing.T, root string) string {
	t.Helper()
	needs(t, "systemd-analyze")
	said, err := exec.Command("systemd-analyze", "verify", "--root="+root, "testbed-nightly.timer", "testbed-nightly.service").CombinedOutput()
	if err != nil && len(said) == 0 {
		return err.Error()
	}
	return string(said)
}

func TestSystemdTakesTheUnits(t *testing.T) {
	require.Empty(t, verify(t, systemRoot(t)))
}

func TestSystemdRefusesSpoiltUnits(t *testing.T) {
	for name, c := range map[string]struct{ file, from, to, says string }{
		"no such time":    {"testbed-nightly.timer", "*-*-* 02:17:00", "when it is quiet", "calendar"},
		"no such program": {"testbed-nightly.service", "/usr/local/bin/testbed-nightly", "/usr/local/bin/nightly", "not executable"},
		"no such key":     {"testbed-nightly.service", "TimeoutStartSec", "StartTimeout", "StartTimeout"},
	} {
		t.Run(name, func(t *testing.T) {
			root := systemRoot(t)
			path := filepath.Join(root, "etc/systemd/system", c.file)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Contains(t, string(text), c.from)
			require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), c.from, c.to)), 0o644))
			require.Contains(t, verify(t, root), c.says)
		})
	}
}

func TestTheRunnerTakesTheWorkflow(t *testing.T) {
	lint := func(text string) []*actionlint.Error {
		linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Shellcheck: needs(t, "shellcheck")})
		require.NoError(t, err)
		found, err := linter.Lint("workflow.yml", []byte(text), nil)
		require.NoError(t, err)
		return found
	}
	text, err := os.ReadFile("nightly/workflow.yml")
	require.NoError(t, err)
	require.Empty(t, lint(string(text)))
	for _, spoil := range [][2]string{{"inputs.kernel", "inputs.kernle"}, {"runs-on", "run-on"}, {"restore-keys", "restored-keys"}, {"hashFiles(", "hashFile("}, {"17 2 * * *", "17 25 * * *"}} {
		require.NotEmpty(t, lint(strings.Replace(string(text), spoil[0], spoil[1], 1)), spoil[1])
	}
}

func TestNightlyLab(t *testing.T) {
	for name, vars := range map[string]map[string]string{"Debian's kernel": nil, "a tree": {"tree": t.TempDir()}} {
		t.Run(name, func(t *testing.T) {
			file, mistakes := hcl.Load("nightly/nightly.hcl", hcl.Options{Vars: vars})
			require.False(t, mistakes.HasErrors())
			require.Equal(t, vars["tree"], file.Images[1].Tree)
			require.Equal(t, vars["tree"] == "", file.Images[1].Release != "")
			require.Equal(t, "base", file.Images[0].Name, "the job's script compares with it")
		})
	}
}

// fakeTestbed writes down how it was called, makes a result, and ends as it is told.
const fakeTestbed = `#!/bin/sh
echo "$*" >>"$CALLS"
case $1 in
run)
	while [ "$1" != --out ]; do shift; done
	echo '<testsuites><testsuite name="what failed"/></testsuites>'
	[ "$KEPT" = no ] || { mkdir -p "$2" && echo '{}' >"$2/result.json" && echo '| verdict |' >"$2/comparison.md"; }
	exit "$RUN" ;;
history) [ "$2" = check ] && exit "$CHECK" || exit "$ADD" ;;
esac
`

// TestNightlyScript: each night that left a result is looked for a level that changed, and
// the status is the worst of all.
func TestNightlyScript(t *testing.T) {
	checked := []string{"run ", "history add ", "history check "}
	for name, c := range map[string]struct {
		run, add, check string // Exit statuses; 1- keeps nothing.
		want            int
		calls           []string
	}{
		"fine":                      {"0", "0", "0", 0, []string{"run lab.hcl --against base", "history add ", "history check --store "}},
		"slow drift":                {"0", "0", "3", 3, checked},
		"first nights":              {"0", "0", "4", 0, checked},
		"regression":                {"3", "0", "0", 3, checked},
		"it lasts, and no news":     {"3", "0", "4", 3, checked},
		"open":                      {"4", "0", "0", 4, checked},
		"open, one of first nights": {"4", "0", "4", 4, checked},
		"open, with slow drift":     {"4", "0", "3", 3, checked},
		"a cell failed":             {"1", "0", "0", 1, checked},
		"a cell failed, and drift":  {"1", "0", "3", 1, checked},
		"all cells failed":          {"1", "2", "0", 1, checked[:2]},
		"no disk for the history":   {"0", "1", "0", 1, checked[:2]},
		"a regression is no excuse": {"3", "0", "1", 1, checked},
		"nothing to keep":           {"1-", "0", "0", 1, checked[:1]},
		"a mistake":                 {"2-", "0", "0", 2, checked[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fake, calls, folder := filepath.Join(dir, "testbed"), filepath.Join(dir, "calls"), filepath.Join(dir, "nights")
			require.NoError(t, os.WriteFile(fake, []byte(fakeTestbed), 0o755))
			cmd := exec.Command("nightly/testbed-nightly", "lab.hcl", folder, "--budget", "1m")
			run, none := strings.CutSuffix(c.run, "-")
			cmd.Env = append(os.Environ(), "TESTBED="+fake, "CALLS="+calls, "RUN="+run, "KEPT="+map[bool]string{true: "no"}[none], "ADD="+c.add, "CHECK="+c.check)
			out, err := cmd.Output()
			require.Equal(t, c.want, cmd.ProcessState.ExitCode(), "%v", err)
			require.Equal(t, !none, strings.Contains(string(out), "| verdict |"))
			text, err := os.ReadFile(calls)
			require.NoError(t, err)
			lines := strings.Split(strings.TrimSpace(string(text)), "\n")
			require.Len(t, lines, len(c.calls), string(text))
			for i, want := range c.calls {
				require.Contains(t, lines[i], want)
			}
			require.Contains(t, lines[0], "--budget 1m")
			verdict, err := os.ReadFile(filepath.Join(folder, "verdict.xml"))
			require.NoError(t, err)
			require.Equal(t, "<testsuites><testsuite name=\"what failed\"/></testsuites>\n", string(verdict), "whatever it is")
		})
	}
	out, err := exec.Command("nightly/testbed-nightly", "lab.hcl").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "usage: testbed-nightly LAB FOLDER")
}
