package scripts

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// machine is a made-up Debian: its /, and its commands, each of which adds a
// line to the log.
type machine struct {
	t    *testing.T
	root string // Its /.
	bin  string // Its only PATH.
	fake string // What its commands say: files that their scripts read.
	env  []string
}

// tools that scripts/setup may use of any Debian.
var tools = []string{
	"sh", "sed", "awk", "grep", "tr", "sort", "cat", "rm", "mktemp", "head", "tail",
	"dirname", "basename", "timeout", "date", "readlink", "touch", "chmod",
}

// newMachine is Debian 12 as root without anything that Testbed needs but Go, a
// C compiler and ssh.
func newMachine(t *testing.T) *machine {
	dir := t.TempDir()
	m := &machine{t: t, root: dir + "/root", bin: dir + "/bin", fake: dir + "/fake"}
	m.env = []string{
		"PATH=" + m.bin, "SETUP_ROOT=" + m.root, "FAKE=" + m.fake, "TMPDIR=" + dir,
		"TESTPID=" + strconv.Itoa(os.Getpid()),
	}
	for _, tool := range tools {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatalf("this machine has no %s: %v", tool, err)
		}
		m.mkdir(m.bin)
		if err := os.Symlink(path, filepath.Join(m.bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	m.write(m.fake+"/log", "")
	m.write(m.root+"/etc/apt/sources.list.d/.keep", "")
	m.write(m.root+"/run/.keep", "")
	m.write(m.root+"/etc/ssl/certs/ca-certificates.crt", "")
	m.debian("12", "bookworm")
	m.say("id", "0")
	m.say("uname", "x86_64")
	m.say("go", "go version go1.26.8 linux/amd64")
	m.say("ssh", "")
	m.say("cc", "")
	m.write(m.root+"/usr/include/stdio.h", "")
	m.say("sleep", "")
	m.write(m.root+"/etc/apt/preferences.d/.keep", "")
	m.write(m.root+"/usr/sbin/.keep", "")
	m.command("update-rc.d", "")
	m.command("deb-systemd-helper", "")
	m.archives("http://mirror.invalid/debian bookworm", "http://mirror.invalid/debian bookworm-updates")
	m.command("apt-get", aptGet)
	m.command("apt-cache", `
case "$1" in
madison) cat "$FAKE/madison" ;;
policy)
	[ "$2" = netperf ] && [ -e "$FAKE/nonfree" ] && ! grep -qs non-free "$SETUP_ROOT/etc/apt/sources.list.d/testbed.sources" && echo "  Candidate: (none)" && exit
	cat "$FAKE/policy" 2>/dev/null || echo "  Candidate: 1.0" ;;
esac`)
	m.write(m.fake+"/madison", " p | 10.0 | http://mirror.invalid/debian bookworm-backports/main amd64 Packages\n")
	return m
}

// aptGet installs by making the command that a package is wanted for.
const aptGet = `
case "$*" in
*--print-uris*) cat "$FAKE/uris"; exit ;;
*update*)
	cat "$FAKE/update" 2>/dev/null
	mv -f "$FAKE/update.next" "$FAKE/update" 2>/dev/null
	exit "$(cat "$FAKE/update.status" 2>/dev/null || echo 0)" ;;
*" -s "*)
	cat "$FAKE/plan" 2>/dev/null
	exit "$(cat "$FAKE/plan.status" 2>/dev/null || echo 0)" ;;
*install*)
	for word; do case $word in Dir::Etc::Preferences=*) cat "${word#*=}" >"$FAKE/pins" ;; esac; done
	cp "$SETUP_ROOT/usr/sbin/policy-rc.d" "$FAKE/policy-rc.d" 2>/dev/null
	if [ -e "$FAKE/install" ]; then
		cat "$FAKE/install"
		rm "$FAKE/install"
		exit 100
	fi
	[ -e "$FAKE/hollow" ] && exit
	for word; do case $word in
	qemu-system-x86) "$FAKE/make" qemu-system-x86_64 'echo "QEMU emulator version 10.0.2"' ;;
	libvirt-daemon-system) "$FAKE/make" libvirtd "$(cat "$FAKE/daemon")"; "$FAKE/make" virtlogd "$(cat "$FAKE/daemon")" ;;
	libvirt-clients) "$FAKE/make" virsh '[ -e "$FAKE/up" ]'; "$FAKE/make" virt-xml-validate : ;;
	golang-go) "$FAKE/make" go 'echo go version go1.23.5 linux/amd64' ;;
	gcc) "$FAKE/make" cc : ;;
	libc6-dev) mkdir -p "$SETUP_ROOT/usr/include"; : >"$SETUP_ROOT/usr/include/stdio.h" ;;
	libxml2-utils) "$FAKE/make" xmllint : ;;
	iproute2) "$FAKE/make" ip : ;;
	nftables) "$FAKE/make" nft : ;;
	nodejs) "$FAKE/make" node : ;;
	node-tap-parser) mkdir -p "$SETUP_ROOT/usr/share/nodejs/tap-parser" ;;
	systemd) "$FAKE/make" systemd-analyze : ;;
	python3-junitparser)
		mkdir -p "$SETUP_ROOT/usr/lib/python3/dist-packages/junitparser" ;;
	poppler-utils) "$FAKE/make" pdftotext : ;;
	shellcheck | git | sudo | chromium | jq | zstd | sockperf | slurmctld | slurmd) "$FAKE/make" "$word" : ;;
	netperf) "$FAKE/make" netperf :; "$FAKE/make" netserver : ;;
	openssh-server) "$FAKE/make" sshd : ;;
	munge) "$FAKE/make" munged : ;;
	slurm-client) "$FAKE/make" sbatch : ;;
	openssh-client) "$FAKE/make" ssh : ;;
	esac; done ;;
esac
exit 0`

// daemon answers once it was started; the test's own process stands for it.
const daemon = `[ "${0##*/}" = virtlogd ] || touch "$FAKE/up"; echo "$TESTPID" >"$SETUP_ROOT/run/${0##*/}.pid"`

func (m *machine) mkdir(dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) write(path, text string) {
	m.mkdir(filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) read(path string) string {
	m.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// command makes one that writes down its arguments and then runs body.
func (m *machine) command(name, body string) {
	m.write(m.fake+"/daemon", daemon)
	m.write(m.fake+"/make", `#!/bin/sh
PATH=/usr/bin:/bin
printf '#!/bin/sh\necho "${0##*/} $*" >>"$FAKE/log"\nPATH=/usr/bin:/bin\n%s\n' "$2" >`+m.bin+`/$1
chmod +x `+m.bin+`/$1
`)
	m.write(filepath.Join(m.bin, name), "#!/bin/sh\necho \"${0##*/} $*\" >>\"$FAKE/log\"\nPATH=/usr/bin:/bin\n"+body+"\n")
}

// say makes a command that only prints.
func (m *machine) say(name, text string) { m.command(name, "cat <<'END'\n"+text+"\nEND") }

func (m *machine) debian(version, codename string) {
	m.osRelease("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux " + version + "\"\nVERSION_ID=\"" + version + "\"\nVERSION_CODENAME=" + codename + "\n")
}

func (m *machine) osRelease(text string) { m.write(m.root+"/etc/os-release", text) }

// archives is what apt is told of: "BASE SUITE" each.
func (m *machine) archives(all ...string) {
	var out strings.Builder
	for _, a := range all {
		base, suite, _ := strings.Cut(a, " ")
		out.WriteString("'" + base + "/dists/" + suite + "/InRelease' name 0 \n")
	}
	m.write(m.fake+"/uris", out.String())
}

// equip installs everything and lets the daemons run.
func (m *machine) equip() {
	m.say("qemu-system-x86_64", "QEMU emulator version 10.0.2 (Debian 1:10.0.2)")
	m.command("virsh", `[ -e "$FAKE/up" ]`)
	for _, name := range []string{"libvirtd", "virtlogd"} {
		m.command(name, daemon)
		m.write(m.root+"/run/"+name+".pid", strconv.Itoa(os.Getpid()))
	}
	m.write(m.fake+"/up", "")
	for _, name := range []string{"virt-xml-validate", "xmllint", "ip", "nft", "shellcheck", "git", "sudo", "chromium", "pdftotext", "jq", "zstd", "systemd-analyze", "node", "netperf", "netserver", "sockperf", "sshd", "munged", "slurmctld", "slurmd", "sbatch"} {
		m.say(name, "")
	}
	m.write(m.root+"/usr/lib/python3/dist-packages/junitparser/__init__.py", "")
	m.write(m.root+"/usr/share/nodejs/tap-parser/package.json", "{}")
}

// equipForProofs installs what the proofs need beside what the tests do.
func (m *machine) equipForProofs() {
	for _, name := range []string{"pdflatex", "qemu-x86_64", "flex", "bison", "bc", "make"} {
		m.say(name, "")
	}
	for _, file := range []string{
		"share/texlive/texmf-dist/tex/latex/siunitx/siunitx.sty", "share/texlive/texmf-dist/tex/latex/pgf/basiclayer/pgf.sty",
		"include/gelf.h", "src/linux-source-6.12.tar.xz",
	} {
		m.write(m.root+"/usr/"+file, "")
	}
}

type outcome struct {
	status         int
	stdout, stderr string
	log            string // Commands that were called, one a line.
}

func (m *machine) setup(arguments ...string) outcome {
	m.t.Helper()
	script, err := filepath.Abs("setup")
	if err != nil {
		m.t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(script, arguments...)
	cmd.Env, cmd.Stdout, cmd.Stderr = m.env, &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.t.Fatal(err)
	}
	log, err := os.ReadFile(m.fake + "/log")
	if err != nil {
		m.t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), string(log)}
}

// want checks the status and that each text stands somewhere in the output.
func (o outcome) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	all := o.stdout + o.stderr
	if o.status != status {
		t.Errorf("status %d, want %d:\n%s", o.status, status, all)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("no %q in\n%s", text, all)
		}
	}
}
