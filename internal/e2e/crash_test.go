package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/e2e/harness"
)

// TestKilledAtAnyMoment kills the program at moments spread over a run and
// holds that gc then leaves nothing.
func TestKilledAtAnyMoment(t *testing.T) {
	u := newUser(t)
	path := u.lab("tiny.hcl", "killed", "RELEASE", `release = "trixie"`, "ROUNDS", "100")
	u.do("images", "build", path)
	for _, after := range []time.Duration{150 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second, 15 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			cmd := u.command("run", path)
			require.NoError(t, cmd.Start())
			time.Sleep(after)
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait()
			o := u.do("gc")
			require.Empty(t, remains(t, owner), o.stderr)
		})
	}
}

// TestInterrupt holds that Ctrl-C ends a run in good order: run takes the lab
// down, and up says what stays and how to remove it.
func TestInterrupt(t *testing.T) {
	for _, verb := range []string{"run", "up"} {
		t.Run(verb, func(t *testing.T) {
			u := newUser(t)
			name := "interrupt-" + verb
			path := u.lab("tiny.hcl", name, "RELEASE", `release = "trixie"`, "ROUNDS", "100")
			var stderr bytes.Buffer
			cmd := u.command(verb, path)
			cmd.Stderr = &stderr
			require.NoError(t, cmd.Start())
			waitFor(t, func() bool { return len(remains(t, owner+"-"+name+"-client")) > 0 })
			time.Sleep(12 * time.Second)
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
			err := cmd.Wait()
			require.Error(t, err)
			require.Equal(t, 1, cmd.ProcessState.ExitCode(), stderr.String())
			require.Contains(t, stderr.String(), "interrupted")
			if verb == "up" {
				require.Contains(t, stderr.String(), "testbed down "+name)
				u.do("down", name)
			}
			require.Empty(t, remains(t, owner))
		})
	}
}

// TestPanicWhileMeasuring holds that a guest that dies in the middle is named,
// with the end of its console, and that the run ends at once.
func TestPanicWhileMeasuring(t *testing.T) {
	u := newUser(t)
	path := u.lab("tiny.hcl", "panic", "RELEASE", `release = "trixie"`, "ROUNDS", "100")
	var stderr bytes.Buffer
	cmd := u.command("run", path)
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	waitFor(t, func() bool { return u.try("exec", "server", "--", "test", "-x", "/run/testbed/agent").status == 0 })
	time.Sleep(5 * time.Second)
	u.try("exec", "server", "--", "sh", "-c", "echo c > /proc/sysrq-trigger")
	require.Error(t, cmd.Wait())
	require.Equal(t, 1, cmd.ProcessState.ExitCode(), stderr.String())
	require.Regexp(t, `kernel of "server": .*Kernel panic - not syncing: sysrq triggered crash in sysrq_handle_crash < .*; the end of its console:`, stderr.String())
	require.Empty(t, remains(t, owner))
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for range 300 {
		if is() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("waited 30 s in vain")
}

// TestTwoLabsAtOnce holds that two labs with the same subnet and machine names
// do not see each other. The clock of one steps, which voids its own blocks alone.
func TestTwoLabsAtOnce(t *testing.T) {
	a, b := newUser(t), newUser(t)
	rounds := []string{"RELEASE", `release = "trixie"`, "ROUNDS", "1"}
	pathA, pathB := a.lab("tiny.hcl", "twin-a", append(stepping, rounds...)...), b.lab("tiny.hcl", "twin-b", rounds...)
	a.do("up", pathA)
	b.do("up", pathB)
	requireVoided(t, a, "twin-a", true)
	requireVoided(t, b, "twin-b", false)
	ambiguous := a.try("exec", "client", "--", "true")
	require.Equal(t, 2, ambiguous.status)
	require.Contains(t, ambiguous.stderr, "twin-a/client, twin-b/client")
	a.do("exec", "twin-a/client", "--", "ping", "-c1", "-W5", "10.77.0.2")

	a.do("down", "twin-a")
	b.do("exec", "client", "--", "ping", "-c1", "-W5", "10.77.0.2")
	b.do("down", pathB)
	require.Empty(t, remains(t, owner))
}

// TestAnotherFileOfTheSameName holds that a lab is not replaced by another that
// happens to have its name.
func TestAnotherFileOfTheSameName(t *testing.T) {
	a, b := newUser(t), newUser(t)
	rounds := []string{"RELEASE", `release = "trixie"`, "ROUNDS", "1"}
	a.do("up", a.lab("tiny.hcl", "same", rounds...))
	refused := b.try("up", b.lab("tiny.hcl", "same", rounds...))
	require.Equal(t, 1, refused.status, refused.stderr)
	require.Contains(t, refused.stderr, a.dir)
	refused = b.try("run", filepath.Join(b.dir, "same.hcl"))
	require.Equal(t, 1, refused.status, refused.stderr)
	a.do("exec", "same/client", "--", "true") // run takes down what it brought up, and no more.
	a.do("down", "same")
}

// TestAnOrdinaryUser runs the same lab rootless, under qemu:///session.
func TestAnOrdinaryUser(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test becomes another user and needs root for it")
	u := newUser(t)
	const uid = 5 // games: on every Debian, and nobody's. libvirt wants a user it can look up.
	home := ordinaryHome(t, uid)
	u.dir = home
	path := u.lab("tiny.hcl", "session", "RELEASE", `release = "trixie"`, "ROUNDS", "1")
	// The checkout may lie where that user may not go.
	binary, err := os.ReadFile(program)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(home+"/testbed", binary, 0o755))
	cmd := harness.Command(t, home+"/testbed", "run", path, "--out", home+"/result")
	cmd.Dir = home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, Setsid: true}
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + home + "/run", "TESTBED_OWNER=" + owner,
		"USER=tester", "LOGNAME=tester", "LC_ALL=C.UTF-8",
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	r := readResult(t, home+"/result")
	require.Equal(t, "ok", r.Tests[0].Modes[1].Status)
	require.Empty(t, remains(t, owner))
}

// ordinaryHome is a home and a runtime folder for a user id, on a path that the
// user may walk; the session daemon that served it is ended with the test.
func ordinaryHome(t *testing.T, uid int) string {
	t.Helper()
	home, err := os.MkdirTemp("/var/tmp", "tb-user-")
	require.NoError(t, err)
	t.Cleanup(func() {
		endDaemons(home + "/run/libvirt")
		_ = os.RemoveAll(home)
	})
	require.NoError(t, os.Mkdir(home+"/run", 0o700))
	for _, dir := range []string{home, home + "/run"} {
		require.NoError(t, os.Chown(dir, uid, uid))
	}
	return home
}

// endDaemons ends the session's libvirtd and virtlogd by the ids they wrote down.
func endDaemons(dir string) {
	files, _ := filepath.Glob(dir + "/*.pid")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
}
