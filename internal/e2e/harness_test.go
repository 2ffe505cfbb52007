package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program is the binary under test: what `make build` made.
var program = must(filepath.Abs("../../bin/testbed"))

// owner marks all that these tests make; the same in every run of this checkout, so
// that a run collects what a killed one left.
var owner = fmt.Sprintf("test-%x", sha256.Sum256([]byte(program)))[:17]

func TestMain(m *testing.M) {
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: no program to test; run `make build`:", err)
		os.Exit(1)
	}
	if err := collect(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: collect what an earlier run left:", err)
		os.Exit(1)
	}
	status := m.Run()
	if err := collect(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: collect what this run left:", err)
		status = 1
	}
	os.Exit(status)
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// collect removes all that carries the owner's mark.
func collect() error {
	for _, verb := range [][]string{{"down", "--all"}, {"gc"}} {
		cmd := exec.Command(program, verb...)
		cmd.Env = environment("")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("testbed %s: %w\n%s", strings.Join(verb, " "), err, out)
		}
	}
	return nil
}

func environment(extra ...string) []string {
	return append(append(os.Environ(), "TESTBED_OWNER="+owner, "LC_ALL=C.UTF-8"), extra...)
}

// user is somebody with a folder who runs the program in it.
type user struct {
	t   testing.TB
	dir string
	env []string
}

func newUser(t testing.TB) *user {
	t.Helper()
	// What a failed test leaves up would fail the next one too.
	t.Cleanup(func() { require.NoError(t, collect()) })
	return &user{t: t, dir: t.TempDir(), env: environment()}
}

// outcome of one invocation.
type outcome struct {
	stdout, stderr string
	status         int
	took           time.Duration
}

// patience is far more than any invocation needs; it ends one that hangs.
const patience = 6 * time.Minute

func (u *user) command(args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = u.dir, u.env
	return cmd
}

// try runs the program and returns how it ended.
func (u *user) try(args ...string) outcome {
	u.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := u.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	require.NoError(u.t, cmd.Start())
	killer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	killer.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(u.t, err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), time.Since(start)}
}

// do runs the program, which has to succeed.
func (u *user) do(args ...string) outcome {
	u.t.Helper()
	o := u.try(args...)
	require.Equal(u.t, 0, o.status, "testbed %s\n%s\n%s", strings.Join(args, " "), o.stdout, o.stderr)
	return o
}

// lab copies a lab of testdata into the user's folder under a name of its own.
func (u *user) lab(file, name string, replace ...string) string {
	u.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(u.t, err)
	changed := strings.NewReplacer(append([]string{"LAB", name}, replace...)...).Replace(string(text))
	path := filepath.Join(u.dir, name+".hcl")
	require.NoError(u.t, os.WriteFile(path, []byte(changed), 0o644))
	return path
}

// remains lists what of a lab is left on this machine, by asking libvirt and
// the kernel and not the program itself.
func remains(t *testing.T, words ...string) []string {
	t.Helper()
	var left []string
	// pgrep and find end with 1 where there is nothing; the others have to answer.
	for _, ask := range [][]string{
		{"virsh", "-c", "qemu:///system", "list", "--all", "--name"},
		{"virsh", "-c", "qemu:///system", "net-list", "--all", "--name"},
		{"virsh", "-c", "qemu:///system", "pool-list", "--all", "--name"},
		{"ip", "-o", "link"},
		{"pgrep", "-a", "qemu"},
		{"find", "/var/lib/libvirt", "/run/netns", "/tmp", "-maxdepth", "3", "-name", "*testbed*"},
	} {
		out, err := exec.Command(ask[0], ask[1:]...).Output()
		if ask[0] == "virsh" || ask[0] == "ip" {
			require.NoError(t, err, strings.Join(ask, " "))
		}
		for line := range strings.Lines(string(out)) {
			for _, word := range words {
				if strings.Contains(line, word) {
					left = append(left, strings.Join(ask, " ")+": "+strings.TrimSpace(line))
				}
			}
		}
	}
	return left
}
