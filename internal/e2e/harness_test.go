package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/e2e/harness"
)

// suite is what these tests have in common with others that drive the program.
var suite = harness.NewSuite("e2e", "../../bin/testbed", []string{"down", "--all"}, []string{"gc"})

// What is used of it all over.
var (
	program, owner = suite.Program, suite.Owner
	collect        = suite.Collect
	environment    = suite.Environment
	localRemains   = suite.LocalRemains
)

func TestMain(m *testing.M) { suite.Main(m) }

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

func (u *user) command(args ...string) *exec.Cmd {
	u.t.Helper()
	return u.within(harness.Patience, args...)
}

// within is command for what a user would not wait for.
func (u *user) within(patience time.Duration, args ...string) *exec.Cmd {
	u.t.Helper()
	cmd := harness.Within(u.t, patience, append([]string{program}, args...)...)
	cmd.Dir, cmd.Env = u.dir, u.env
	return cmd
}

// try runs the program and returns how it ended.
func (u *user) try(args ...string) outcome {
	u.t.Helper()
	start := time.Now()
	stdout, stderr, status := harness.Run(u.t, u.command(args...))
	return outcome{stdout, stderr, status, time.Since(start)}
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
		out, err := harness.Command(t, ask...).Output()
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
