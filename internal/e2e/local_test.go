package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/e2e/harness"
	"github.com/testbed-lab/testbed/report/cratetest"
	"github.com/testbed-lab/testbed/testbed"
)

// quick is the example with few and short blocks, and without its claims: they
// would rest on too little.
func (u *user) quick(name string, rounds int) string {
	u.t.Helper()
	text, err := os.ReadFile("../../examples/container-latency.hcl")
	require.NoError(u.t, err)
	path := filepath.Join(u.dir, name+".hcl")
	measured, _, found := strings.Cut(string(text), "# What the lecture found")
	require.True(u.t, found)
	changed := strings.NewReplacer(`lab "container-latency"`, `lab "`+name+`"`,
		"rounds   = 10", fmt.Sprintf("rounds   = %d", rounds), "250ms", "50ms").Replace(measured)
	require.NoError(u.t, os.WriteFile(path, []byte(changed), 0o644))
	return path
}

// bare is a user without libvirt, a cache or a network: nothing of the machine is
// theirs but the kernel.
func bare(t *testing.T) *user {
	u := newUser(t)
	u.env = append(u.env, "XDG_CACHE_HOME=/proc/nowhere", "XDG_STATE_HOME=/proc/nowhere", "http_proxy=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1")
	return u
}

// TestLocalRun runs the first example without VMs, and somebody else does so again from
// its bundle; nothing is left.
func TestLocalRun(t *testing.T) {
	u := bare(t)
	path := u.quick("local-run", 8) // Six are needed, and a busy machine voids some.
	out := u.do("run", "--backend", "local", path, "--out", u.dir+"/first")
	require.Contains(t, out.stdout, "namespaces of this machine's own kernel, no VMs")
	require.NotContains(t, out.stderr, "boot", "nothing is booted")
	checkWidth(t, out.stdout)
	checkLocalResult(t, u.dir+"/first")
	require.NoFileExists(t, strings.TrimSuffix(path, ".hcl")+".lock.hcl", "no image is pinned")
	require.NoDirExists(t, u.dir+"/first/consoles")
	localRemains(t)

	checkSecrets(t, u, filepath.Join(u.dir, "first"))
	checkBundle(t, u, filepath.Join(u.dir, "first.tar.zst"))
	reviewer := bare(t)
	again := reviewer.do("reproduce", filepath.Join(u.dir, "first.tar.zst"), "--margin", "95%")
	require.Contains(t, again.stdout, "Reproduced: ")
	require.Contains(t, again.stdout, "judged by the ratio to host")
	checkWidth(t, again.stdout)
	checkLocalResult(t, reviewer.dir+"/results/local-run/latest")
	localRemains(t)

	once := u.try("compare", "first", reviewer.dir+"/results/local-run/latest", "--max-regression", "95%", "--format", "junit")
	require.Zero(t, once.status, once.stderr)
	require.Contains(t, once.stdout, `<testsuite name="udp_rr"`)
}

// checkSecrets packs the result with a file that says of each kind of secret what there
// is on this machine: the program lists it, and the bundle has none of it.
func checkSecrets(t *testing.T, u *user, result string) {
	t.Helper()
	host, err := os.Hostname()
	require.NoError(t, err)
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	secrets := map[string][]string{
		"host name":   {`"hostname": "` + host + `"`}, // Alone it may be a word that a bundle is full of.
		"home folder": {home + "/.ssh", "/home/olsen7/notes"},
		"user name":   {"olsen7"},
		"MAC address": {"3c:7c:3f:00:11:22", "enx3c7c3f001122", "2001:db8::3e7c:3fff:fe00:1122"},
		"key":         {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----"},
	}
	var text strings.Builder
	for _, all := range secrets {
		text.WriteString(strings.Join(all, " , ") + "\n")
	}
	notes := filepath.Join(result, "notes.txt")
	require.NoError(t, os.WriteFile(notes, []byte(text.String()), 0o644))
	jane := *u
	jane.env = append(jane.env[:len(jane.env):len(jane.env)], "SUDO_USER=olsen7") // Who is behind root.
	removed := jane.do("report", "first", "--bundle", "first.tar.zst", "--redact").stdout
	packed, err := harness.Command(t, "tar", "--zstd", "-xOf", filepath.Join(u.dir, "first.tar.zst")).Output()
	require.NoError(t, err)
	for kind, all := range secrets {
		require.Contains(t, removed, "notes.txt: "+kind+", ")
		for _, secret := range all {
			require.NotContains(t, string(packed), secret, kind)
		}
	}
	require.NoError(t, os.Remove(notes))
}

// checkBundle unpacks a bundle with other people's tools, holds it against its own
// checksums, looks for what nobody else should read, and draws its report again.
func checkBundle(t *testing.T, u *user, path string) {
	t.Helper()
	dir := t.TempDir()
	out, err := harness.Command(t, "tar", "--zstd", "-xf", path, "-C", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{"result.json", "blocks.jsonl", "report.html", "plan.json", "local-run.hcl", "ro-crate-metadata.json"} {
		require.FileExists(t, filepath.Join(dir, name))
	}
	var manifest struct {
		Files []struct{ Path, SHA256 string }
	}
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &manifest))
	var sums strings.Builder
	for _, f := range manifest.Files {
		fmt.Fprintf(&sums, "%s  %s\n", f.SHA256, f.Path)
	}
	check := harness.Command(t, "sha256sum", "--check", "--quiet", "--strict")
	check.Dir, check.Stdin = dir, strings.NewReader(sums.String())
	out, err = check.CombinedOutput()
	require.NoError(t, err, "%s", out)

	host, err := os.Hostname()
	require.NoError(t, err)
	for _, secret := range []string{`"hostname": "` + host + `"`, u.dir, os.Getenv("HOME") + "/", "PRIVATE KEY", "ssh-ed25519 AAAA"} {
		found, _ := harness.Command(t, "grep", "-rlF", secret, dir).Output()
		require.Empty(t, string(found), "%q is nobody else's business", secret)
	}
	require.Empty(t, hardwareMACs(t, dir))
	checkRecorded(t, dir, "local-run.hcl", "macvlan")
	cratetest.Require(t, dir)

	second, other := filepath.Join(t.TempDir(), "second.tar.zst"), t.TempDir()
	u.do("report", dir, "--bundle", second)
	out, err = harness.Command(t, "tar", "--zstd", "-xf", second, "-C", other).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{"report.html", "report.md", "result.json", "blocks.jsonl"} {
		out, err := harness.Command(t, "cmp", filepath.Join(dir, name), filepath.Join(other, name)).CombinedOutput()
		require.NoError(t, err, "drawn again it is the same to the byte: %s", out)
	}
}

// hardwareMACs are addresses of this machine's own network cards that a folder holds.
func hardwareMACs(t *testing.T, dir string) (found []string) {
	t.Helper()
	cards, err := filepath.Glob("/sys/class/net/*/device/../address")
	require.NoError(t, err)
	for _, card := range cards {
		mac, err := os.ReadFile(card)
		require.NoError(t, err)
		if out, _ := harness.Command(t, "grep", "-rlF", strings.TrimSpace(string(mac)), dir).Output(); len(out) > 0 {
			found = append(found, string(out))
		}
	}
	return found
}

func checkLocalResult(t *testing.T, dir string) {
	t.Helper()
	requireFits(t, dir)
	r := readResult(t, dir)
	require.Equal(t, "local", r.Backend)
	require.Empty(t, r.Accelerator)
	require.Equal(t, "network namespaces of this kernel", r.Environment.Host["machines"])
	require.Len(t, r.Tests, 2)
	for _, test := range r.Tests {
		for _, mode := range test.Modes {
			if mode.Kind == "ipvlan" && mode.Status == testbed.StatusUnsupported {
				require.Contains(t, mode.Reason, "CONFIG_IPVLAN")
				requireNoModule(t, "ipvlan")
				continue
			}
			require.Equal(t, testbed.StatusOK, mode.Status, "%s %s: %s", test.Name, mode.Name, mode.Reason)
			require.NotNil(t, mode.Mean.Estimate, "%s %s: %s", test.Name, mode.Name, mode.Mean.Reason)
			require.Positive(t, *mode.Mean.Estimate)
		}
	}
}

// requireNoModule fails where the kernel could have what a mode says it lacks.
func requireNoModule(t *testing.T, name string) {
	t.Helper()
	require.Error(t, harness.Command(t, "modprobe", "-n", name).Run(), "this machine has the module %s", name)
}

// requireFits holds a result against the schema that the program publishes.
func requireFits(t *testing.T, dir string) {
	t.Helper()
	published, err := harness.Command(t, program, "schema", "result").Output()
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("result.json", document))
	schema, err := compiler.Compile("result.json")
	require.NoError(t, err)
	file, err := os.Open(filepath.Join(dir, "result.json"))
	require.NoError(t, err)
	defer file.Close()
	result, err := jsonschema.UnmarshalJSON(file)
	require.NoError(t, err)
	require.NoError(t, schema.Validate(result))
}

// TestLocalUp looks around on machines that stay, found without a flag, and
// takes them down by their file, which names another backend.
func TestLocalUp(t *testing.T) {
	u := newUser(t)
	path := u.quick("local-up", 1)
	require.Contains(t, u.do("plan", "--backend", "local", path).stdout, "create   make client")
	u.do("up", "--backend", "local", path)
	require.Equal(t, "client\n", u.do("exec", "local-up/client", "--", "hostname").stdout)
	require.Equal(t, 7, u.try("exec", "local-up/server", "--", "sh", "-c", "exit 7").status)
	require.Contains(t, u.do("ls").stdout, path)
	require.Contains(t, u.do("status", "local-up").stdout, "local-up/server")
	console := u.try("console", "local-up/client")
	require.Equal(t, 1, console.status)
	require.Contains(t, console.stderr, "not on this backend")
	// A mode is undone in a namespace as in a guest.
	require.NotContains(t, u.do("exec", "local-up/client", "--", "ls", "/sys/class/net").stdout, "veth")

	space := func(name string) string {
		return u.do("exec", "local-up/"+name, "--", "readlink", "/proc/self/ns/net").stdout
	}
	client := space("client")
	require.NotContains(t, u.do("plan", "--backend", "local", path).stdout, "create")
	u.do("test", "--backend", "local", path, "--out", u.dir+"/again")
	require.Equal(t, client, space("client"))
	u.do("down", path)
	localRemains(t)
}

// TestLocalMistakes holds that what one kernel cannot do is a mistake in the
// file, at its place, whoever names the backend.
func TestLocalMistakes(t *testing.T) {
	u := bare(t)
	path := u.quick("local-wrong", 1)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	changed := strings.Replace(string(text), `vm "server" {
  image  = image.debian`, `image "old" {
  release = "bookworm"
}

vm "server" {
  image  = image.old
  sysctl = { "vm.swappiness" = "1" }`, 1)
	require.NoError(t, os.WriteFile(path, []byte(changed), 0o644))
	u.do("validate", path)
	refused := u.try("run", "--backend", "local", path)
	require.Equal(t, 2, refused.status)
	require.Contains(t, refused.stderr, "local-wrong.hcl:")
	require.Contains(t, refused.stderr, "here image.old, before it image.debian")
	require.Contains(t, refused.stderr, `"vm.swappiness" is the whole kernel's`)
	localRemains(t)
}

// TestLocalStopped interrupts and kills a run in the middle of measuring, and ends it as
// timeout(1) does, by a signal to it and one to its group.
func TestLocalStopped(t *testing.T) {
	u := newUser(t)
	path := u.quick("local-stopped", 1000)
	for _, how := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		cmd := u.command("run", "--backend", "local", path)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		stderr := startMeasuring(t, cmd)
		require.NoError(t, cmd.Process.Signal(how))
		if how == syscall.SIGTERM {
			require.NoError(t, syscall.Kill(-cmd.Process.Pid, how))
		}
		require.Error(t, cmd.Wait())
		if how != syscall.SIGKILL {
			require.Equal(t, 1, cmd.ProcessState.ExitCode(), stderr.String())
			require.Contains(t, stderr.String(), "interrupted")
		} else {
			require.Contains(t, u.do("gc").stderr, "remove lab local-stopped")
		}
		localRemains(t)
	}
}

// listener keeps what a program writes and tells when it has said something.
type listener struct {
	mu    sync.Mutex
	text  bytes.Buffer
	word  *regexp.Regexp
	heard chan struct{} // Closed once the word is in the text.
}

func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.word.Match(l.text.Bytes())
	l.text.Write(p)
	if !before && l.word.Match(l.text.Bytes()) {
		close(l.heard)
	}
	return len(p), nil
}

func (l *listener) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startMeasuring waits until the program says that it measures.
func startMeasuring(t *testing.T, cmd *exec.Cmd) *listener {
	t.Helper()
	l := &listener{word: regexp.MustCompile(`"step":"measure [^\n]*"state":"running"`), heard: make(chan struct{})}
	cmd.Args = append(cmd.Args, "--events")
	cmd.Stderr = l
	require.NoError(t, cmd.Start())
	select {
	case <-l.heard:
	case <-time.After(time.Minute):
		t.Fatalf("waited a minute for a measurement in vain: %s", l)
	}
	return l
}

// TestLocalOrdinaryUser runs the example as somebody who may do nothing, in a
// user namespace.
func TestLocalOrdinaryUser(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test becomes another user and needs root for it")
	u := newUser(t)
	const uid = 5 // games: on every Debian, and nobody's.
	u.dir = ordinaryHome(t, uid)
	path := u.quick("ordinary", 2)
	binary, err := os.ReadFile(program)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(u.dir+"/testbed", binary, 0o755))
	ordinary := func(args ...string) ([]byte, error) {
		cmd := harness.Command(t, append([]string{u.dir + "/testbed"}, args...)...)
		cmd.Dir = u.dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, Setsid: true}
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + u.dir, "TESTBED_OWNER=" + owner}
		return cmd.CombinedOutput()
	}
	out, err := ordinary("run", "--backend", "local", path, "--out", u.dir+"/result")
	require.NoError(t, err, "%s", out)
	checkLocalResult(t, u.dir+"/result")
	require.Equal(t, true, readResult(t, u.dir+"/result").Environment.Host["user_namespace"])
	out, err = ordinary("up", "--backend", "local", path)
	require.Error(t, err)
	require.Contains(t, string(out), "testbed run --backend local")
	localRemains(t)
}

// TestNobodyReads: whoever reads what is printed leaves in the middle of a run. It ends as
// an interrupted one does.
func TestNobodyReads(t *testing.T) {
	u := bare(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	cmd := u.command("run", "--backend", "local", u.quick("unread", 1000), "--events", "--out", filepath.Join(u.dir, "unread"))
	cmd.Stderr = w
	require.NoError(t, cmd.Start())
	require.NoError(t, w.Close())
	lines := bufio.NewScanner(r)
	for lines.Scan() && !strings.Contains(lines.Text(), "round 3/") {
	}
	require.Contains(t, lines.Text(), "round 3/1000")
	require.NoError(t, r.Close())
	require.Error(t, cmd.Wait())
	require.Equal(t, 128+int(syscall.SIGPIPE), cmd.ProcessState.ExitCode())
	localRemains(t)
}
