package ssh

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// A fake ssh runs its last argument here, as a machine's login shell would. A
// file of its folder, where there is one, is what happens in its place.
const fakeSSH = `#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/log"
for last; do :; done
[ "$1" = -V ] && { echo "OpenSSH_0.0 fake" >&2; exit 0; }
[ -e "$here/instead" ] && . "$here/instead"
export PATH="$here/bin:$PATH" SSH_CONNECTION="192.0.2.1 1 192.0.2.2 22" TMPDIR="$here/tmp" HOME="$here"
exec sh -c "$last"
`

// A fake agent does what the real one would be asked for.
const fakeAgent = `#!/bin/sh
case $1 in
lease) cat >/dev/null; rm -rf "$2" ;;
check) [ "$2" != bad0 ] || { echo "testbed-agent: bad0 carries the default route" >&2; exit 1; } ;;
run) echo "user ${ROOT:-plain} $SSH_CONNECTION"; cat; echo ended ;;
esac
`

// rig is a backend with the fake ssh.
type rig struct {
	*Backend
	t      *testing.T
	folder string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, folder: t.TempDir()}
	for _, name := range []string{"bin", "tmp"} {
		require.NoError(t, os.Mkdir(filepath.Join(r.folder, name), 0o755))
	}
	r.program("ssh", fakeSSH)
	r.says("uname", `case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac`)
	r.says("id", "echo 0")
	r.says("sudo", `[ "$1 $2" = "-n --" ] || exit 9; shift 2; ROOT=root exec "$@"`)
	var err error
	r.Backend, err = Open(Options{Command: filepath.Join(r.folder, "ssh"), Agent: []byte(fakeAgent)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func (r *rig) program(name, text string) {
	require.NoError(r.t, os.WriteFile(filepath.Join(r.folder, name), []byte(text), 0o755))
}

// says makes a command of the machine.
func (r *rig) says(name, text string) { r.program("bin/"+name, "#!/bin/sh\n"+text+"\n") }

func (r *rig) instead(text string) { r.program("instead", text) }

func (r *rig) left() []string {
	found, err := filepath.Glob(filepath.Join(r.folder, "tmp", "*"))
	require.NoError(r.t, err)
	return found
}

func request(ssh, nic string) provision.Request {
	return provision.Request{Lab: "rack", Machines: []provision.MachineRequest{{Machine: testbed.Machine{
		Name: "a", SSH: ssh, NICs: []testbed.NIC{{Network: "lan", Device: nic, Address: netip.MustParsePrefix("10.77.0.1/24")}},
	}}}}
}

func (r *rig) plan(ssh, nic string) []provision.Step {
	steps, err := r.Plan(r.t.Context(), request(ssh, nic))
	require.NoError(r.t, err)
	return steps
}

func (r *rig) machine() provision.Machine {
	r.t.Helper()
	r.plan("me@a", "eth1")
	m, err := r.Machine(r.t.Context(), "rack", "a")
	require.NoError(r.t, err)
	return m
}

func TestAPlanOnlyLooks(t *testing.T) {
	r := newRig(t)
	steps := r.plan("me@a:2222", "eth1")
	require.Len(t, steps, 1)
	require.Equal(t, provision.Check, steps[0].Action)
	require.Equal(t, "reach a", steps[0].Name)
	require.Equal(t, "ssh me@a:2222", steps[0].Why)
	require.NoFileExists(t, filepath.Join(r.folder, "log"), "nothing is connected for a plan")
	require.NoError(t, steps[0].Do(t.Context()))
	log, err := os.ReadFile(filepath.Join(r.folder, "log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "-o ControlMaster=yes -p 2222 -- me@a ")
	require.Contains(t, string(log), "-o BatchMode=yes")
	require.Len(t, r.left(), 1)
	require.NoError(t, r.Close())
	require.Empty(t, r.left())
}

func TestExec(t *testing.T) {
	for name, user := range map[string]string{"root": "0", "sudo": "1000"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.says("id", "echo "+user)
			m := r.machine()
			var out bytes.Buffer
			hard := []string{"printf", "%s|", "a  b", "it's", `$HOME "x" \n`, "*", ""}
			require.NoError(t, m.Exec(t.Context(), provision.Command{Args: hard, Stdout: &out}))
			require.Equal(t, strings.Join(hard[2:], "|")+"|", out.String())

			var exit *provision.ExitError
			require.ErrorAs(t, m.Exec(t.Context(), provision.Command{Args: []string{"sh", "-c", "exit 7"}}), &exit)
			require.Equal(t, 7, exit.Status)
			require.ErrorAs(t, m.Exec(t.Context(), provision.Command{Args: []string{"sh", "-c", "exit 255"}}), &exit)
			require.Equal(t, 255, exit.Status, "the connection is still there, so it is the command's")

			path, err := m.PushAgent(t.Context(), []byte(fakeAgent))
			require.NoError(t, err)
			out.Reset()
			require.NoError(t, m.Exec(t.Context(), provision.Command{Args: []string{path, "run"}, Stdin: strings.NewReader("in\n"), Stdout: &out}))
			who := map[string]string{"root": "plain", "sudo": "root"}[name]
			require.Equal(t, "user "+who+" 192.0.2.1 1 192.0.2.2 22\nin\nended\n", out.String())
		})
	}
}

// TestAnAgentSeesItsInputEnd when the context does, and has time to undo.
func TestAnAgentSeesItsInputEnd(t *testing.T) {
	r := newRig(t)
	m := r.machine()
	path, err := m.PushAgent(t.Context(), []byte(fakeAgent))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	err = m.Exec(ctx, provision.Command{Args: []string{path, "run"}, Stdin: blocked{}, Stdout: onWrite(func(p []byte) { out.Write(p); cancel() })})
	require.ErrorIs(t, err, context.Canceled)
	require.Contains(t, out.String(), "ended\n")
}

type blocked struct{}

func (blocked) Read([]byte) (int, error) { select {} }

type onWrite func([]byte)

func (f onWrite) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestAnAgentThatIsThereIsNotPushedAgain(t *testing.T) {
	r := newRig(t)
	m := r.machine()
	first, err := m.PushAgent(t.Context(), []byte(fakeAgent))
	require.NoError(t, err)
	again, err := m.PushAgent(t.Context(), []byte(fakeAgent))
	require.NoError(t, err)
	require.Equal(t, first, again)
	other, err := m.PushAgent(t.Context(), []byte(fakeAgent+"# another\n"))
	require.NoError(t, err)
	require.NotEqual(t, first, other)
	require.Len(t, r.left(), 1)
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*rig)
		nic    string
		want   string
	}{
		"system": {func(r *rig) { r.says("uname", "echo Darwin") }, "eth1", "it is Darwin on Darwin; the agent runs on Linux on x86_64"},
		"hardware": {func(r *rig) { r.says("uname", `case $1 in -s) echo Linux ;; *) echo aarch64 ;; esac`) }, "eth1",
			"it is Linux on aarch64"},
		"no sudo": {func(r *rig) {
			r.says("id", "echo 1000")
			r.says("sudo", "echo sudo: a password is required >&2; exit 1")
		}, "eth1",
			`machine "a" (me@a): it needs root or passwordless sudo: sudo: a password is required; log in as root`},
		"NIC": {func(*rig) {}, "bad0", `machine "a" (me@a): bad0 carries the default route`},
		"damage": {func(r *rig) { r.says("sha256sum", "echo 123 x") }, "eth1",
			`push the agent: the machine has SHA-256 "123" of it`},
		"noexec": {func(r *rig) { r.says("chmod", "exit 1"); r.says("mktemp", `mkdir -p "$TMPDIR/d"; echo "$TMPDIR/d"`) }, "eth1",
			"programs may run in none of its folders for temporary files"},
		"cut in the middle": {func(r *rig) { r.says("head", "exit 1"); r.says("sha256sum", "kill -HUP $PPID") }, "eth1", "push the agent: "},
		"a quiet shell":     {func(r *rig) { r.instead("exit 0") }, "eth1", `reach machine "a" (me@a): the connection ended before the machine said a word`},
		"host key":          {failing("Host key verification failed."), "eth1", "you do not know its host key; look at it and accept it once: "},
		"changed key":       {failing("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed."), "eth1", "ssh-keygen -R a"},
		"no key":            {failing("me@a: Permission denied (publickey)."), "eth1", "Permission denied (publickey).; it takes none of your keys"},
		"time out":          {failing("ssh: connect to host a port 22: Connection timed out"), "eth1", "nothing answers there"},
		"name":              {failing("ssh: Could not resolve hostname a: Name or service not known"), "eth1", "there is no such host"},
		"something else":    {failing("Bad owner or permissions on /config"), "eth1", "Bad owner or permissions on /config; this has to work without a question: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			test.change(r)
			err := r.plan("me@a", test.nic)[0].Do(t.Context())
			require.ErrorContains(t, err, test.want)
			require.Empty(t, r.left())
			_, err = r.Machine(t.Context(), "rack", "a")
			require.ErrorContains(t, err, test.want, "it is not used all the same")
		})
	}
}

func failing(said string) func(*rig) {
	return func(r *rig) { r.instead(fmt.Sprintf("printf '%%s\\n' '%s' >&2; exit 255", said)) }
}

func TestALoginThatTalks(t *testing.T) {
	r := newRig(t)
	r.instead(`echo "Welcome! testbed: not yet"`)
	require.NoError(t, r.plan("me@a", "eth1")[0].Do(t.Context()))
}

func TestAnAnswerThatDoesNotCome(t *testing.T) {
	r := newRig(t)
	r.instead("exec sleep 1000")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.plan("me@a", "eth1")[0].Do(ctx), context.DeadlineExceeded)
}

func TestOneComputerByTwoNames(t *testing.T) {
	r := newRig(t)
	want := request("me@a", "eth1")
	second := want.Machines[0]
	second.Name, second.SSH = "b", "me@alias"
	want.Machines = append(want.Machines, second)
	steps, err := r.Plan(t.Context(), want)
	require.NoError(t, err)
	require.NoError(t, steps[0].Do(t.Context()))
	require.ErrorContains(t, steps[1].Do(t.Context()), `machine "b" (me@alias): it is the same computer as machine "a"`)
}

// TestALostConnection is told from a command's own failure, and made anew.
func TestALostConnection(t *testing.T) {
	r := newRig(t)
	m := r.machine()
	r.instead("echo 'client_loop: send disconnect: Broken pipe' >&2; exit 255")
	conn := r.spots["a"].conn
	require.NoError(t, conn.stdin.Close())
	<-conn.ended
	err := m.Exec(t.Context(), provision.Command{Args: []string{"true"}})
	require.EqualError(t, err, `run "true" on "a": the connection ended before the command did: client_loop: send disconnect: Broken pipe`)
	require.NoError(t, os.Remove(filepath.Join(r.folder, "instead")))
	require.NoError(t, r.machine().Exec(t.Context(), provision.Command{Args: []string{"true"}}))
}

func TestTargets(t *testing.T) {
	for address, want := range map[string]string{
		"host": "-- host", "me@host": "-- me@host", "me@host:2222": "-p 2222 -- me@host",
		"[fd00::1]": "-- fd00::1", "me@[fd00::1]:22": "-p 22 -- me@fd00::1",
	} {
		require.Equal(t, want, strings.Join(target(address), " "))
	}
}

func TestWhatExistsByItself(t *testing.T) {
	r := newRig(t)
	m := r.machine()
	_, err := m.Console(t.Context())
	require.ErrorContains(t, err, "its console is its own")
	require.ErrorContains(t, m.Exec(t.Context(), provision.Command{TTY: &provision.TTY{}}), "use ssh")
	facts, err := r.Facts(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"ssh": "OpenSSH_0.0 fake"}, facts)
	for _, steps := range [][]provision.Step{first(r.Down(t.Context(), "rack")), first(r.Garbage(t.Context()))} {
		require.Empty(t, steps)
	}
	_, err = r.Machine(t.Context(), "rack", "c")
	require.ErrorContains(t, err, `machine "c" is not in lab "rack"`)
}

func first(steps []provision.Step, _ error) []provision.Step { return steps }

// TestFoldersOfTheDead are removed, those of the living and of others are not.
func TestFoldersOfTheDead(t *testing.T) {
	parent := t.TempDir()
	for _, name := range []string{"testbed-ssh-999999999-1", fmt.Sprintf("testbed-ssh-%d-1", os.Getpid()), "testbed-ssh-x"} {
		require.NoError(t, os.Mkdir(filepath.Join(parent, name), 0o700))
	}
	sweep(parent)
	left, err := os.ReadDir(parent)
	require.NoError(t, err)
	require.Len(t, left, 2)
}
