package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// patient is a machine on which nothing is missing; each test takes something
// away. Root uses the system, others their session.
type patient struct {
	*host
	t        *testing.T
	commands map[string]string // Output by command line; an "error: " is one.
	env      map[string]string
	devices  map[string]bool
	bytes    uint64
}

func newPatient(t *testing.T, euid int) *patient {
	p := &patient{
		t: t,
		commands: map[string]string{
			"qemu-system-x86_64 --version":       "QEMU emulator version 10.0.2 (Debian 1:10.0.2)\n",
			"virsh -q -c qemu:///system version": "Compiled against library: libvirt 11.3.0\nUsing library: libvirt 11.3.0\n",
			"libvirtd --version":                 "libvirtd (libvirt) 11.3.0\n",
			"id -nG":                             "jane kvm libvirt\n",
			"go version":                         "go version go1.26.8 linux/amd64\n",
			"iptables -w 5 -S FORWARD":           "-P FORWARD ACCEPT\n",
		},
		env:     map[string]string{"HOME": "/home/jane", "XDG_RUNTIME_DIR": "/run/user/1000"},
		devices: map[string]bool{"/dev/kvm": true, "/run/user/1000": true},
		bytes:   80 << 30,
	}
	p.host = &host{
		arch: "amd64", euid: euid, user: "jane", root: t.TempDir(),
		getenv: func(name string) string { return p.env[name] },
		run: func(_ context.Context, name string, args ...string) (string, error) {
			out, found := p.commands[strings.Join(append([]string{name}, args...), " ")]
			if !found {
				return "", fmt.Errorf("%s: %w", name, errNoCommand)
			}
			if message, bad := strings.CutPrefix(out, "error: "); bad {
				return "", errors.New(message)
			}
			return out, nil
		},
		writable: func(path string) bool {
			return p.devices[strings.TrimPrefix(path, p.root)]
		},
		free: func(string) (uint64, error) { return p.bytes, nil },
	}
	p.write("/dev/kvm", "")
	p.write("/dev/vhost-net", "")
	p.write("/run/user/1000/bus", "")
	p.write("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vmx\n")
	p.write("/etc/apt/sources.list", "deb http://mirror.invalid/debian bookworm main\n")
	p.complete()
	return p
}

func (p *patient) write(path, text string) {
	path = filepath.Join(p.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *patient) take(path string) {
	delete(p.devices, path)
	if err := os.RemoveAll(filepath.Join(p.root, path)); err != nil {
		p.t.Fatal(err)
	}
}

func TestNothingIsMissing(t *testing.T) {
	for name, euid := range map[string]int{"root": 0, "user": 1000} {
		t.Run(name, func(t *testing.T) {
			findings := newPatient(t, euid).examine(t.Context())
			if len(findings) < 13 {
				t.Errorf("%d findings, want all 13", len(findings))
			}
			for _, f := range findings {
				if f.Level != OK || f.Remedy != "" || f.Detail == "" || f.Name == "" {
					t.Errorf("%+v, want it to be fine", f)
				}
			}
			if Worst(findings) != OK {
				t.Errorf("worst is %q, want ok", Worst(findings))
			}
		})
	}
}

// Of a computer far away nothing is said that was looked up here.
func TestHypervisorFarAway(t *testing.T) {
	p := newPatient(t, 1000)
	p.hypervisor = func(context.Context) Finding { return warn("no KVM there", "") }
	var names []string
	for _, f := range p.examine(t.Context()) {
		names = append(names, f.Name)
	}
	if want := []string{"hypervisor", "Debian mirror", "space for images", "Go"}; !slices.Equal(names, want) {
		t.Errorf("looked at %q, want %q", names, want)
	}
}

func TestFindings(t *testing.T) {
	tests := []struct {
		name           string
		euid           int
		take           func(*patient)
		finding        string
		level          Level
		detail, remedy string // Parts.
	}{
		{"arm", 0, func(p *patient) { p.arch = "arm64" }, "processor", Missing, "amd64 only", ""},
		{"KVM not loaded", 0, func(p *patient) { p.take("/dev/kvm") }, "KVM", Warn, "emulation", "modprobe kvm_intel"},
		{"KVM not loaded, AMD", 1000, func(p *patient) {
			p.take("/dev/kvm")
			p.write("/proc/cpuinfo", "flags : svm hypervisor\n")
		}, "KVM", Warn, "emulation", "sudo modprobe kvm_amd"},
		{"KVM not allowed", 1000, func(p *patient) { p.devices["/dev/kvm"] = false }, "KVM", Warn, "may not open", "sudo usermod -aG kvm jane"},
		{"KVM for kernels made for it", 0, func(p *patient) {
			p.write("/proc/cpuinfo", "flags : fpu hypervisor\n")
		}, "KVM", Warn, "made for it", ""},
		{"no nested KVM", 0, func(p *patient) {
			p.take("/dev/kvm")
			p.write("/proc/cpuinfo", "flags : fpu hypervisor\n")
		}, "KVM", Warn, "nested", "nested=1"},
		{"no KVM at all", 0, func(p *patient) {
			p.take("/dev/kvm")
			p.write("/proc/cpuinfo", "flags : fpu\n")
		}, "KVM", Warn, "firmware", ""},
		{"no QEMU", 1000, func(p *patient) { delete(p.commands, "qemu-system-x86_64 --version") }, "QEMU", Missing, "not installed", "sudo scripts/setup"},
		{"QEMU is broken", 0, func(p *patient) { p.commands["qemu-system-x86_64 --version"] = "error: libfoo.so" }, "QEMU", Missing, "libfoo.so", "scripts/setup"},
		{"old QEMU with KVM", 0, func(p *patient) { p.commands["qemu-system-x86_64 --version"] = "QEMU emulator version 7.2.1" }, "QEMU", OK, "7.2.1", ""},
		{"old QEMU without", 0, func(p *patient) {
			p.take("/dev/kvm")
			p.commands["qemu-system-x86_64 --version"] = "QEMU emulator version 7.2.1"
		}, "QEMU", Missing, "corrupts", "scripts/setup --upgrade"},
		{"no libvirt", 0, func(p *patient) {
			delete(p.commands, "virsh -q -c qemu:///system version")
		}, "libvirt system", Missing, "not installed", "scripts/setup"},
		{"libvirtd is down", 0, func(p *patient) {
			p.commands["virsh -q -c qemu:///system version"] = "error: connect: no such file"
			p.write("/run/systemd/system/x", "")
		}, "libvirt system", Missing, "no such file", "systemctl start libvirtd.socket"},
		{"virtqemud is down", 0, func(p *patient) {
			delete(p.commands, "libvirtd --version")
			p.commands["virtqemud --version"] = "virtqemud"
			p.commands["virsh -q -c qemu:///system version"] = "error: connect: no such file"
			p.write("/run/systemd/system/x", "")
		}, "libvirt system", Missing, "no such file", "virtqemud.socket virtnetworkd.socket"},
		{"libvirtd is down, no service manager", 0, func(p *patient) {
			p.commands["virsh -q -c qemu:///system version"] = "error: connect: no such file"
		}, "libvirt system", Missing, "no such file", "scripts/setup"},
		{"libvirt refuses", 1000, func(p *patient) {
			p.commands["virsh -q -c qemu:///system version"] = "error: Permission denied"
		}, "libvirt system", Warn, "may not use", "usermod -aG libvirt jane"},
		{"no session daemon", 1000, func(p *patient) { delete(p.commands, "libvirtd --version") }, "libvirt session", Missing, "virtqemud", "scripts/setup"},
		{"no XDG_RUNTIME_DIR", 1000, func(p *patient) { delete(p.env, "XDG_RUNTIME_DIR") }, "libvirt session", Warn, "not set", "export XDG_RUNTIME_DIR"},
		{"XDG_RUNTIME_DIR is gone", 1000, func(p *patient) { p.take("/run/user/1000") }, "libvirt session", Missing, "not there", "enable-linger jane"},
		{"somebody else's XDG_RUNTIME_DIR", 1000, func(p *patient) { p.devices["/run/user/1000"] = false }, "libvirt session", Missing, "somebody else", "export"},
		{"not in the group", 1000, func(p *patient) { p.commands["id -nG"] = "jane" }, "libvirt group", Warn, "not in it", "usermod"},
		{"FORWARD drops", 0, func(p *patient) {
			p.write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n")
			p.commands["iptables -w 5 -S FORWARD"] = "-P FORWARD DROP\n"
		}, "bridge firewall", Warn, "policy is DROP", "iptables -I FORWARD"},
		{"Docker's FORWARD drops", 1000, func(p *patient) {
			p.write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n")
			p.write("/run/docker.sock", "")
			p.commands["iptables -w 5 -S FORWARD"] = "-P FORWARD DROP\n"
		}, "bridge firewall", Warn, "Docker", "sudo iptables -I DOCKER-USER"},
		{"legacy rules drop", 0, func(p *patient) {
			p.write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n")
			p.commands["iptables-legacy -w 5 -S FORWARD"] = "-P FORWARD DROP\n"
		}, "bridge firewall", Warn, "DROP", "iptables"},
		{"rules are root's", 1000, func(p *patient) {
			p.write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n")
			p.commands["iptables -w 5 -S FORWARD"] = "error: permission denied"
		}, "bridge firewall", Warn, "only root", "sudo testbed doctor"},
		{"FORWARD accepts", 0, func(p *patient) {
			p.write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n")
		}, "bridge firewall", OK, "forwards", ""},
		{"no vhost", 0, func(p *patient) { p.take("/dev/vhost-net") }, "vhost_net", Warn, "latency", "modprobe vhost_net"},
		{"no mirror", 0, func(p *patient) { p.take("/etc/apt/sources.list") }, "Debian mirror", Warn, "none", "TESTBED_MIRROR"},
		{"mirror from the environment", 0, func(p *patient) { p.env["TESTBED_MIRROR"] = "http://other.invalid" }, "Debian mirror", OK, "other.invalid", ""},
		{"disk full", 0, func(p *patient) { p.bytes = 100 << 20 }, "space for images", Missing, "0.1 GiB", "images prune"},
		{"disk full for machines", 0, func(p *patient) { p.bytes = 100 << 20 }, "space for machines", Missing, "/var/lib/libvirt", "gc"},
		{"no Go", 1000, func(p *patient) { delete(p.commands, "go version") }, "Go", Warn, "only needed to build", "sudo scripts/setup"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, test.euid)
			test.take(p)
			for _, f := range p.examine(t.Context()) {
				if f.Name != test.finding {
					continue
				}
				if f.Level != test.level || !strings.Contains(f.Detail, test.detail) || !strings.Contains(f.Remedy, test.remedy) {
					t.Errorf("%+v, want %s, %q and the remedy %q", f, test.level, test.detail, test.remedy)
				}
				if test.remedy == "" && f.Remedy != "" {
					t.Errorf("remedy %q for what has none", f.Remedy)
				}
				return
			}
			t.Fatalf("no finding %q", test.finding)
		})
	}
}

func TestExamineThisMachineChangesNothingAndEnds(t *testing.T) {
	findings := Examine(t.Context(), Options{Timeout: 5 * time.Second})
	for _, f := range findings {
		t.Logf("%-8s %s: %s [%s]", f.Level, f.Name, f.Detail, f.Remedy)
	}
	if len(findings) < 13 {
		t.Errorf("%d findings, want all 13", len(findings))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if findings := Examine(ctx, Options{}); len(findings) != 0 {
		t.Errorf("a cancelled examination found %+v", findings)
	}
}

func TestRun(t *testing.T) {
	if _, err := run(t.Context(), time.Second, "no-such-command-at-all"); !errors.Is(err, errNoCommand) {
		t.Errorf("a command that is not there: %v", err)
	}
	if _, err := run(t.Context(), 50*time.Millisecond, "sleep", "30"); err == nil || !strings.Contains(err.Error(), "did not answer") {
		t.Errorf("a command that hangs: %v", err)
	}
	if _, err := run(t.Context(), 5*time.Second, "sh", "-c", "echo why >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("a command that fails: %v", err)
	}
}

func TestFreeAsksTheNearestFolderThatExists(t *testing.T) {
	bytes, err := free(filepath.Join(t.TempDir(), "not", "there", "yet"))
	if err != nil || bytes == 0 {
		t.Errorf("free: %d bytes, %v", bytes, err)
	}
}

func TestLocalBackend(t *testing.T) {
	if f := newPatient(t, 0).localBackend(t.Context()); f.Level != OK {
		t.Error("root:", f)
	}
	p := newPatient(t, 1000)
	if f := p.localBackend(t.Context()); f.Level != OK {
		t.Error("an ordinary user:", f)
	}
	p.write("/proc/sys/user/max_user_namespaces", "0\n")
	f := p.localBackend(t.Context())
	if f.Level != Warn || f.Remedy != "sudo sysctl user.max_user_namespaces=10000" {
		t.Error("a forbidden user namespace:", f)
	}
}
