package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestNothingMissing(t *testing.T) {
	for name, root := range map[string]bool{"root": true, "user": false} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.equip()
			if !root {
				m.say("id", "1000")
				m.write(m.root+"/run/libvirt/.keep", "")
			}
			got := m.setup("--test")
			got.want(t, 0)
			if strings.Contains(got.log, "apt") || strings.Contains(got.log, "libvirtd") {
				t.Errorf("with nothing missing it ran\n%s", got.log)
			}
		})
	}
}

// Outside Debian everything works as long as it is there.
func TestNothingMissingElsewhere(t *testing.T) {
	m := newMachine(t)
	m.equip()
	m.osRelease("ID=fedora\n")
	m.setup().want(t, 0)
}

func TestPlan(t *testing.T) {
	const fromBackports = "would install qemu-system-x86 libvirt-daemon-system libvirt-clients (from bookworm-backports)\n"
	tests := []struct {
		name   string
		change func(*machine)
		args   []string
		status int
		want   []string
		never  string
	}{
		{
			name: "Debian 12",
			want: []string{"missing: QEMU libvirt\n", "would add http://mirror.invalid/debian bookworm-backports", fromBackports, "would start virtlogd"},
		},
		{
			name: "Debian 12 for tests", args: []string{"--test"},
			want: []string{"(from bookworm-backports) netperf sockperf openssh-server sudo libxml2-utils iproute2 nftables shellcheck git chromium poppler-utils jq zstd systemd munge slurmctld slurmd slurm-client python3-junitparser nodejs node-tap-parser\n"}, never: "non-free",
		},
		{
			name: "Debian 12 for proofs", args: []string{"--prove"},
			want: []string{"netperf", "qemu-user texlive-latex-recommended texlive-science texlive-pictures flex bison bc make libelf-dev\n", "linux-source-6.12 (from bookworm-backports)"},
		},
		{
			name: "Debian 12 that lacks nothing but the kernel's source", args: []string{"--prove"},
			change: func(m *machine) {
				m.equip()
				m.equipForProofs()
				os.Remove(m.root + "/usr/src/linux-source-6.12.tar.xz")
			},
			want: []string{"missing: Linux\n", "would add http://mirror.invalid/debian bookworm-backports", "would install linux-source-6.12 (from bookworm-backports)\n"},
		},
		{
			name: "Debian 12 without non-free", args: []string{"--test"},
			change: func(m *machine) { m.write(m.fake+"/nonfree", "") },
			want:   []string{"would add http://mirror.invalid/debian bookworm non-free to apt", "netperf sockperf"},
		},
		{
			name: "Debian 13 has netperf in main", args: []string{"--test"},
			change: func(m *machine) {
				m.debian("13", "trixie")
				m.write(m.fake+"/nonfree", "")
			},
			want: []string{"netperf sockperf"}, never: "non-free",
		},
		{
			name: "no ssh", change: func(m *machine) {
				m.equip()
				os.Remove(m.bin + "/ssh")
			},
			want: []string{"missing: ssh\n", "would install openssh-client\n"},
		},
		{
			name: "Debian 13", change: func(m *machine) { m.debian("13", "trixie") },
			want: []string{"would install qemu-system-x86 libvirt-daemon-system libvirt-clients\n"}, never: "backports",
		},
		{
			name:   "testing, which has no version",
			change: func(m *machine) { m.osRelease("ID=debian\nVERSION_CODENAME=forky\n") },
			want:   []string{"would install qemu-system-x86"}, never: "backports",
		},
		{
			name:   "a service manager starts the daemons",
			change: func(m *machine) { m.write(m.root+"/run/systemd/system/.keep", "") },
			want:   []string{fromBackports}, never: "would start",
		},
		{
			name: "backports are there",
			change: func(m *machine) {
				m.archives("http://mirror.invalid/debian bookworm", "http://mirror.invalid/debian bookworm-backports")
			},
			want: []string{fromBackports}, never: "would add",
		},
		{
			name: "somebody else's bookworm comes first",
			change: func(m *machine) {
				m.archives("http://other.invalid/debian bookworm", "http://third.invalid bookworm",
					"http://mirror.invalid/debian bookworm", "http://mirror.invalid/debian bookworm-updates")
			},
			want: []string{"would add http://mirror.invalid/debian bookworm-backports"},
		},
		{
			name: "no updates suite",
			change: func(m *machine) {
				m.archives("http://other.invalid/repo bookworm", "http://mirror.invalid/debian oldstable")
			},
			want: []string{"would add http://mirror.invalid/debian bookworm-backports"},
		},
		{
			name: "a list of mirrors, as in Debian's cloud images",
			change: func(m *machine) {
				m.archives("mirror+file:/etc/apt/mirrors/debian.list bookworm", "mirror+file:/etc/apt/mirrors/debian.list bookworm-updates")
			},
			want: []string{"would add mirror+file:/etc/apt/mirrors/debian.list bookworm-backports"},
		},
		{
			name:   "TESTBED_MIRROR",
			change: func(m *machine) { m.env = append(m.env, "TESTBED_MIRROR=http://mine.invalid/debian/") },
			want:   []string{"would add http://mine.invalid/debian bookworm-backports"},
		},
		{
			name: "no mirror", change: func(m *machine) { m.archives() },
			status: 1, want: []string{"names none for bookworm", "TESTBED_MIRROR"},
		},
		{
			name:   "Ubuntu",
			change: func(m *machine) { m.osRelease("ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME=\"Ubuntu 24.04\"\n") },
			status: 1, want: []string{"this is Ubuntu 24.04", "Debian 12 and 13 only", "missing here: QEMU libvirt", "qemu-system-x86"},
		},
		{
			name: "Debian 11", change: func(m *machine) { m.debian("11", "bullseye") },
			status: 1, want: []string{"needs Debian 12 or newer"},
		},
		{
			name: "arm", change: func(m *machine) { m.say("uname", "aarch64") },
			status: 1, want: []string{"amd64 only"},
		},
		{
			name: "QEMU 7.2 without KVM",
			change: func(m *machine) {
				m.equip()
				m.say("qemu-system-x86_64", "QEMU emulator version 7.2.15 (Debian)")
			},
			want: []string{"missing: QEMU-10", "would install qemu-system-x86 (from bookworm-backports)\n"},
		},
		{
			name: "QEMU 7.2 with KVM",
			change: func(m *machine) {
				m.equip()
				m.say("qemu-system-x86_64", "QEMU emulator version 7.2.15 (Debian)")
				m.write(m.root+"/dev/kvm", "")
				m.write(m.root+"/proc/cpuinfo", "flags\t\t: fpu vmx\n")
			},
			never: "missing",
		},
		{
			name: "QEMU 7.2 with a KVM for kernels made for it",
			change: func(m *machine) {
				m.equip()
				m.say("qemu-system-x86_64", "QEMU emulator version 7.2.15 (Debian)")
				m.write(m.root+"/dev/kvm", "")
				m.write(m.root+"/proc/cpuinfo", "flags\t\t: fpu hypervisor\n")
			},
			want: []string{"missing: QEMU-10"},
		},
		{
			name: "no Go",
			change: func(m *machine) {
				m.equip()
				os.Remove(m.bin + "/go")
				os.Remove(m.root + "/etc/ssl/certs/ca-certificates.crt")
			},
			want: []string{"would install golang-go (from bookworm-backports) ca-certificates\n"},
		},
		{
			name: "no C compiler",
			change: func(m *machine) {
				m.equip()
				os.Remove(m.bin + "/cc")
			},
			want: []string{"missing: C", "would install gcc libc6-dev\n"},
		},
		{
			name: "a C compiler without headers",
			change: func(m *machine) {
				m.equip()
				os.Remove(m.root + "/usr/include/stdio.h")
			},
			want: []string{"would install gcc libc6-dev\n"},
		},
		{
			name: "Go that fetches a newer one",
			change: func(m *machine) {
				m.equip()
				m.say("go", "go version go1.23.5 linux/amd64")
			},
			want: []string{"Go 1.23 is here", "GOPROXY"}, never: "install",
		},
		{
			name: "Go too old for that",
			change: func(m *machine) {
				m.equip()
				m.say("go", "go version go1.19.8 linux/amd64")
			},
			status: 1, want: []string{"is Go 1.19; Testbed needs 1.2", "first in PATH"},
		},
		{name: "a mistyped flag", args: []string{"--tset"}, status: 2, want: []string{"usage:"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			if test.change != nil {
				test.change(m)
			}
			got := m.setup(append([]string{"--dry-run"}, test.args...)...)
			got.want(t, test.status, test.want...)
			if test.never != "" && strings.Contains(got.stdout+got.stderr, test.never) {
				t.Errorf("%q in\n%s%s", test.never, got.stdout, got.stderr)
			}
			if strings.Contains(got.log, "install") || strings.Contains(got.log, "libvirtd -d") {
				t.Errorf("a dry run ran\n%s", got.log)
			}
		})
	}
}

// What apt makes of real configuration, in both of its formats.
func TestAptReadsItsOwnConfiguration(t *testing.T) {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		t.Skip("this machine has no apt-get")
	}
	files := map[string]string{
		"sources.list": "# deb http://no.invalid/debian bookworm main\n" +
			"deb [arch=amd64 signed-by=/x.gpg] https://other.invalid/debian bookworm main\n" +
			"deb http://mirror.invalid/debian/ bookworm main contrib\ndeb http://mirror.invalid/debian bookworm-updates main\n" +
			"deb http://mirror.invalid/debian-security bookworm-security main\n",
		"sources.list.d/debian.sources": "Types: deb deb-src\nURIs: http://mirror.invalid/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\n" +
			"Enabled: no\nTypes: deb\nURIs: http://no.invalid/debian\nSuites: bookworm\nComponents: main\n",
	}
	for name, text := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			m := newMachine(t)
			m.mkdir(m.root + "/var/lib/apt/lists/partial")
			m.write(m.root+"/etc/apt/"+name, text)
			m.command("apt-get", "exec "+apt+` -o Dir="$SETUP_ROOT" -o Dir::Bin=/usr/lib/apt -o Dir::State::status=/dev/null "$@"`)
			m.setup("--dry-run").want(t, 0, "would add http://mirror.invalid/debian bookworm-backports")
		})
	}
}

func TestInstall(t *testing.T) {
	m := newMachine(t)
	m.write(m.root+"/usr/share/keyrings/debian-archive-keyring.gpg", "")
	m.write(m.root+"/etc/apt/preferences", "Package: mine\nPin: version 1\nPin-Priority: 900\n")
	got := m.setup("--test")
	got.want(t, 0, "adding http://mirror.invalid/debian bookworm-backports", "installing qemu-system-x86", "starting virtlogd", "starting libvirtd")

	source, err := os.ReadFile(m.root + "/etc/apt/sources.list.d/testbed.sources")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"URIs: http://mirror.invalid/debian", "Suites: bookworm-backports", "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg"} {
		if !strings.Contains(string(source), line+"\n") {
			t.Errorf("no %q in the source\n%s", line, source)
		}
	}
	pins, err := os.ReadFile(m.fake + "/pins")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Package: mine", "Package: src:qemu src:seabios src:libvirt src:golang-*", "Pin: release n=bookworm-backports"} {
		if !strings.Contains(string(pins), line+"\n") {
			t.Errorf("no %q in the preferences\n%s", line, pins)
		}
	}
	for _, flag := range []string{"--no-install-recommends", "--no-remove", "DPkg::Lock::Timeout="} {
		if !strings.Contains(got.log, flag) {
			t.Errorf("apt-get was run without %s:\n%s", flag, got.log)
		}
	}
	if leftovers, _ := filepath.Glob(filepath.Dir(m.root) + "/tmp.*"); len(leftovers) > 0 {
		t.Errorf("temporary files stay: %q", leftovers)
	}

	m.write(m.fake+"/log", "")
	again := m.setup("--test")
	again.want(t, 0)
	if again.stdout != "" || strings.Contains(again.log, "apt") {
		t.Errorf("a second run says %q and runs\n%s", again.stdout, again.log)
	}
}

// netperf is in Debian 12's non-free: apt is told of that component, and to take
// nothing else of it.
func TestInstallNonFree(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write(m.fake+"/nonfree", "")
	m.setup("--test").want(t, 0, "adding http://mirror.invalid/debian bookworm-backports main", "adding http://mirror.invalid/debian bookworm non-free")
	source := m.read(m.root + "/etc/apt/sources.list.d/testbed.sources")
	for _, stanza := range []string{"Suites: bookworm-backports\nComponents: main\n\n", "Suites: bookworm\nComponents: non-free\n"} {
		if !strings.Contains(source, stanza) {
			t.Errorf("no %q in the source\n%s", stanza, source)
		}
	}
	const pins = "Package: *\nPin: release n=bookworm, c=non-free\nPin-Priority: -1\n\nPackage: netperf\nPin: release n=bookworm, c=non-free\nPin-Priority: 500\n"
	if got := m.read(m.root + "/etc/apt/preferences.d/testbed"); !strings.Contains(got, pins) {
		t.Errorf("preferences:\n%s", got)
	}
}

// A component that cannot be read leaves what was there before, and no more.
func TestUnreadableNonFreeIsTakenBack(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.equip()
	os.Remove(m.bin + "/netperf")
	m.write(m.fake+"/nonfree", "")
	const before = "# Mine.\nTypes: deb\n"
	m.write(m.root+"/etc/apt/sources.list.d/testbed.sources", before)
	m.write(m.fake+"/update", "E: The repository 'http://mirror.invalid/debian bookworm Release' does not have a Release file.\n")
	m.write(m.fake+"/update.status", "100")
	m.setup("--test").want(t, 1, "read the index of http://mirror.invalid/debian bookworm non-free", "the mirror lacks this suite")
	if got := m.read(m.root + "/etc/apt/sources.list.d/testbed.sources"); got != before {
		t.Errorf("the source is now\n%s", got)
	}
	if _, err := os.Stat(m.root + "/etc/apt/preferences.d/testbed"); !os.IsNotExist(err) {
		t.Errorf("the preferences stay: %v", err)
	}
}

// sshd, netserver and Slurm's daemons come for the tests' sake, and do not run by themselves.
func TestDaemonsAreNotStarted(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	got := m.setup("--test")
	got.want(t, 0)
	for arguments, status := range map[string]string{"ssh start": "101", "--quiet ssh.service start": "101", "netperf start": "101", "munge start": "101", "slurmctld start": "101", "--quiet slurmd.service start": "101", "--quiet libvirtd restart": "0"} {
		out, err := exec.Command("sh", "-c", m.fake+"/policy-rc.d "+arguments+"; printf $?").CombinedOutput()
		if err != nil || string(out) != status {
			t.Errorf("policy-rc.d %s during the installation: status %s, want %s (%v)", arguments, out, status, err)
		}
	}
	if _, err := os.Stat(m.root + "/usr/sbin/policy-rc.d"); !os.IsNotExist(err) {
		t.Errorf("policy-rc.d stays: %v", err)
	}
	for _, line := range []string{"update-rc.d ssh disable", "update-rc.d netperf disable", "update-rc.d slurmd disable", "deb-systemd-helper disable munge.service munge.socket", "deb-systemd-helper disable ssh.service ssh.socket"} {
		if !strings.Contains(got.log, line+"\n") {
			t.Errorf("it did not run %q:\n%s", line, got.log)
		}
	}

	m = newMachine(t) // With a policy of its own, and libvirt's daemons wanted.
	m.write(m.root+"/usr/sbin/policy-rc.d", "mine")
	m.setup("--test").want(t, 0)
	if policy := m.read(m.root + "/usr/sbin/policy-rc.d"); policy != "mine" {
		t.Errorf("policy-rc.d is now %q", policy)
	}
	m = newMachine(t)
	if got := m.setup(); strings.Contains(got.log, "disable") {
		t.Errorf("without --test it ran\n%s", got.log)
	}
}

func TestUpgradeOnlyWhenAsked(t *testing.T) {
	const plan = "Inst qemu-system-x86 [1:7.2+dfsg-7] (1:10.0.2~bpo12+1 Debian Backports [amd64])\n" +
		"Inst libc6 [2.36-1] (2.36-2 Debian [amd64])\nConf qemu-system-x86\n"
	m := newMachine(t)
	m.equip()
	m.say("qemu-system-x86_64", "QEMU emulator version 7.2.15")
	m.write(m.fake+"/plan", plan)
	got := m.setup()
	got.want(t, 1, "QEMU 7 is installed", "qemu-system-x86 1:7.2+dfsg-7 -> 1:10.0.2~bpo12+1", "setup --upgrade")
	if strings.Contains(got.stderr, "libc6") || strings.Contains(got.log, "--no-remove") {
		t.Errorf("want libc6 unmentioned and nothing installed:\n%s%s", got.stderr, got.log)
	}
	m.setup("--upgrade").want(t, 0, "installing qemu-system-x86 (from bookworm-backports)")
}

func TestInstallFails(t *testing.T) {
	tests := []struct {
		name   string
		change func(*machine)
		want   []string
	}{
		{"not root", func(m *machine) { m.say("id", "1000") }, []string{"only root", "sudo scripts/setup"}},
		{"a package would go", func(m *machine) {
			m.write(m.fake+"/plan", "Remv precious [1.0]\nInst qemu-system-x86 (10)\n")
		}, []string{"would remove: precious"}},
		{"apt sees no way", func(m *machine) {
			m.write(m.fake+"/plan", "The following packages have unmet dependencies:\n qemu-system-x86 : Depends: libx (>= 2)\nE: Unable to correct problems, you have held broken packages.\n")
			m.write(m.fake+"/plan.status", "100")
		}, []string{"Depends: libx", "apt-mark showhold"}},
		{"the index expired", func(m *machine) {
			m.write(m.fake+"/update", "E: Release file for http://mirror.invalid/debian/dists/bookworm-backports/InRelease is expired (invalid since 1d).\n")
			m.write(m.fake+"/update.status", "100")
		}, []string{"is expired", "correct the clock", " UTC"}},
		{"no network", func(m *machine) {
			m.write(m.fake+"/update", "W: Failed to fetch http://mirror.invalid/debian  Temporary failure resolving 'mirror.invalid'\n")
		}, []string{"no network", "http_proxy"}},
		{"dpkg is in use", func(m *machine) {
			m.write(m.fake+"/install", "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 12 (apt)\n")
		}, []string{"held by process 12", "another package manager"}},
		{"the disk is full", func(m *machine) {
			m.write(m.fake+"/install", "E: You don't have enough free space in /var/cache/apt/archives/.\n")
		}, []string{"the disk is full"}},
		{"no such package", func(m *machine) { m.write(m.fake+"/madison", "") }, []string{"apt offers no such package", "apt-cache policy"}},
		{"installed and still not there", func(m *machine) { m.write(m.fake+"/hollow", "") }, []string{"still missing", "PATH"}},
		{"libvirtd does not answer", func(m *machine) { m.write(m.fake+"/daemon", ":") }, []string{"does not answer on qemu:///system", "libvirtd -v"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			test.change(m)
			m.setup().want(t, 1, append(test.want, "hint: ")...)
		})
	}
}

// A source that cannot be read is not left behind for every later apt update.
func TestUnreadableBackportsAreTakenBack(t *testing.T) {
	m := newMachine(t)
	m.write(m.fake+"/update", "E: The repository 'http://mirror.invalid/debian bookworm-backports Release' does not have a Release file.\n")
	m.write(m.fake+"/update.status", "100")
	m.setup().want(t, 1, "the mirror lacks this suite")
	if _, err := os.Stat(m.root + "/etc/apt/sources.list.d/testbed.sources"); !os.IsNotExist(err) {
		t.Errorf("the source stays: %v", err)
	}
}

func TestStaleIndexIsReadAgain(t *testing.T) {
	m := newMachine(t)
	m.write(m.fake+"/install", "E: Failed to fetch http://mirror.invalid/x.deb  404  Not Found\nE: Unable to fetch some archives\n")
	got := m.setup()
	got.want(t, 0, "reading the package index")
	if n := strings.Count(got.log, "--no-remove"); n != 2 {
		t.Errorf("%d attempts to install, want 2:\n%s", n, got.log)
	}
}

func TestWaitsForTheListsOfAnotherApt(t *testing.T) {
	m := newMachine(t)
	m.write(m.fake+"/update", "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 12\n")
	m.write(m.fake+"/update.next", "fine\n")
	m.command("apt-get", strings.Replace(aptGet, `exit "$(cat "$FAKE/update.status" 2>/dev/null || echo 0)"`, `[ -e "$FAKE/waited" ]; status=$?; touch "$FAKE/waited"; exit $status`, 1))
	got := m.setup()
	got.want(t, 0, "waiting for another package manager", "installing")
	if !strings.Contains(got.log, "sleep 5") {
		t.Errorf("it did not wait:\n%s", got.log)
	}
}

func TestStartsTheServiceManagersLibvirt(t *testing.T) {
	m := newMachine(t)
	m.equip()
	os.Remove(m.fake + "/up")
	m.write(m.root+"/run/systemd/system/.keep", "")
	m.command("systemctl", `touch "$FAKE/up"`)
	got := m.setup()
	got.want(t, 0, "starting libvirtd")
	if !strings.Contains(got.log, "systemctl start libvirtd.socket") || strings.Contains(got.log, "libvirtd -d") {
		t.Errorf("it ran\n%s", got.log)
	}
}

func TestUserWithoutDaemonIsTold(t *testing.T) {
	m := newMachine(t)
	m.equip()
	m.say("id", "1000")
	m.setup().want(t, 0, "your own session", "sudo scripts/setup")
}
