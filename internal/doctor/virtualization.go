package doctor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/provision"
)

func (h *host) processor(context.Context) Finding {
	if h.arch != "amd64" {
		return missing(h.arch+"; Testbed runs on amd64 only for now", "")
	}
	return ok("amd64")
}

// hasKVM says whether KVM is there and runs Debian's kernels.
func (h *host) hasKVM() bool {
	return h.writable(h.path("/dev/kvm")) && provision.Virtualizes(h.read("/proc/cpuinfo"))
}

func (h *host) kvm(context.Context) Finding {
	const without = "; machines run under QEMU's emulation (TCG), many times slower"
	cpuinfo := h.read("/proc/cpuinfo")
	flags := provision.CPUFlags(cpuinfo)
	module := "kvm_intel"
	if slices.Contains(flags, "svm") {
		module = "kvm_amd"
	}
	capable := provision.Virtualizes(cpuinfo)
	switch {
	case h.hasKVM():
		return ok("/dev/kvm can be used")
	case !capable && h.exists("/dev/kvm"):
		return warn("the processor shows neither vmx nor svm, and a KVM that does without (kvm_pvm) runs only kernels made for it"+without, "")
	case h.exists("/dev/kvm"):
		return warn("user "+h.user+" may not open /dev/kvm"+without, h.sudo("usermod -aG kvm "+h.user)+" # then log in again")
	case capable:
		return warn("the processor has it and /dev/kvm is not there"+without, h.sudo("modprobe "+module))
	case slices.Contains(flags, "hypervisor"):
		return warn("this is a virtual machine without nested virtualization"+without,
			"modprobe kvm_intel nested=1 # or kvm_amd, on its host, and give it the CPU model \"host\"")
	}
	return warn("the processor shows neither vmx nor svm: none, or switched off in the firmware"+without, "")
}

// minimumQEMU under TCG: 7.2 corrupted the memory of 6.12 guests in 7 of 51
// boots, 10.0 in none of 25.
const minimumQEMU = 10

var qemuVersion = regexp.MustCompile(`version (\d+)\.(\d+\S*)`)

func (h *host) qemu(ctx context.Context) Finding {
	out, err := h.run(ctx, "qemu-system-x86_64", "--version")
	if errors.Is(err, errNoCommand) {
		return missing("not installed", h.sudo("scripts/setup"))
	}
	match := qemuVersion.FindStringSubmatch(out)
	if err != nil || match == nil {
		return missing(fmt.Sprintf("qemu-system-x86_64 does not tell its version: %v", err), h.sudo("scripts/setup"))
	}
	major, _ := strconv.Atoi(match[1])
	version := match[1] + "." + match[2]
	if major < minimumQEMU && !h.hasKVM() {
		return missing(fmt.Sprintf("%s: without KVM it corrupts the memory of recent guests; %d or newer does not", version, minimumQEMU),
			h.sudo("scripts/setup --upgrade"))
	}
	return ok(version)
}

func (h *host) libvirtSystem(ctx context.Context) Finding {
	bad := warn
	if h.connect == systemURI {
		bad = missing
	}
	out, err := h.run(ctx, "virsh", "-q", "-c", systemURI, "version")
	if err == nil {
		return ok("answers: " + libraryVersion(out))
	}
	_, noDaemon := h.run(ctx, "libvirtd", "--version")
	_, noModular := h.run(ctx, "virtqemud", "--version")
	switch {
	case errors.Is(err, errNoCommand) || noDaemon != nil && noModular != nil:
		return bad("not installed", h.sudo("scripts/setup"))
	case h.euid != 0 && (strings.Contains(err.Error(), "ermission") || strings.Contains(err.Error(), "authentication")):
		return bad("user "+h.user+" may not use "+systemURI, "sudo usermod -aG libvirt "+h.user+" # then log in again")
	case h.exists("/run/systemd/system") && noDaemon == nil:
		return bad("does not answer: "+err.Error(), h.sudo("systemctl start libvirtd.socket"))
	case h.exists("/run/systemd/system"):
		return bad("does not answer: "+err.Error(), h.sudo("systemctl start virtqemud.socket virtnetworkd.socket virtstoraged.socket"))
	}
	return bad("does not answer: "+err.Error(), h.sudo("scripts/setup"))
}

// libraryVersion picks one line of `virsh version`.
func libraryVersion(out string) string {
	for line := range strings.Lines(out) {
		if version, found := strings.CutPrefix(line, "Using library: "); found {
			return strings.TrimSpace(version)
		}
	}
	return "libvirt"
}

func (h *host) libvirtSession(ctx context.Context) Finding {
	if h.euid == 0 {
		return ok("not for root, who uses " + systemURI)
	}
	bad := warn
	if h.connect == sessionURI {
		bad = missing
	}
	_, monolithic := h.run(ctx, "libvirtd", "--version")
	_, modular := h.run(ctx, "virtqemud", "--version")
	runtimeDir := h.getenv("XDG_RUNTIME_DIR")
	switch {
	case monolithic != nil && modular != nil:
		return bad("no libvirtd or virtqemud to start", "sudo scripts/setup")
	case runtimeDir == "":
		return warn("XDG_RUNTIME_DIR is not set, so sockets go to the cache folder",
			"export XDG_RUNTIME_DIR=/run/user/$(id -u) # or log in with ssh or a console rather than su")
	case !h.exists(runtimeDir):
		return bad("XDG_RUNTIME_DIR names "+runtimeDir+", which is not there", "sudo loginctl enable-linger "+h.user)
	case !h.writable(h.path(runtimeDir)):
		return bad("XDG_RUNTIME_DIR names "+runtimeDir+", which belongs to somebody else: left over from su or sudo?",
			"export XDG_RUNTIME_DIR=/run/user/$(id -u)")
	}
	return ok(sessionURI + " is possible")
}

func (h *host) libvirtGroup(ctx context.Context) Finding {
	if h.euid == 0 {
		return ok("not needed by root")
	}
	groups, err := h.run(ctx, "id", "-nG")
	if err == nil && slices.Contains(strings.Fields(groups), "libvirt") {
		return ok("user " + h.user + " is in it")
	}
	return warn("user "+h.user+" is not in it, so only "+sessionURI+" is open",
		"sudo usermod -aG libvirt "+h.user+" # then log in again")
}
