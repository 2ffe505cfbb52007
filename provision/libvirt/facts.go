package libvirt

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strings"

	golibvirt "github.com/digitalocean/go-libvirt"
	"golang.org/x/sys/unix"
)

// Facts describe the host. The command lines of the machines that run are among
// them, so that one can be started again by hand.
func (b *Backend) Facts(ctx context.Context) (map[string]any, error) {
	facts := map[string]any{
		"connect":     b.Connect(),
		"accelerator": b.host.accelerator,
		"qemu":        b.host.qemu.String(),
		"libvirt":     b.host.libvirt.String(),
		"machine":     b.host.machine,
		"emulator":    b.host.emulator,
		"vhost_net":   b.dialer.endpoint.system() && exists("/dev/vhost-net"),
		"kernel":      kernelRelease(),
		"cpu_model":   cpuModel(),
		"cpus":        runtime.NumCPU(),
		"network":     b.networkKind(),
	}
	commands, err := b.commandLines(ctx)
	if err != nil {
		return nil, err
	}
	facts["qemu_command_lines"] = commands
	return facts, nil
}

func (b *Backend) networkKind() string {
	if b.dialer.endpoint.system() {
		return "bridge"
	}
	return "qemu datagram sockets"
}

// commandLines are by machine, "lab/machine". libvirt renders the definition;
// the running process may have file descriptors in places of paths.
func (b *Backend) commandLines(ctx context.Context) (map[string]string, error) {
	domains, err := b.domains(ctx)
	if err != nil {
		return nil, err
	}
	commands := map[string]string{}
	for _, d := range domains {
		if !d.running() {
			continue
		}
		err := b.dialer.call(ctx, "render the command line of "+d.Thing, func(l *golibvirt.Libvirt) error {
			text, err := l.DomainGetXMLDesc(d.domain, golibvirt.DomainXMLInactive)
			if err != nil {
				return err
			}
			command, err := l.ConnectDomainXMLToNative("qemu-argv", text, 0)
			commands[d.Name+"/"+d.Thing] = command
			return err
		})
		if hasCode(err, golibvirt.ErrNoSupport, golibvirt.ErrAccessDenied) {
			continue // Obtainable is all that is promised.
		}
		if gone(err) != nil {
			return nil, err
		}
	}
	return commands, nil
}

func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return string(bytes.TrimRight(u.Release[:], "\x00"))
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(string(text), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
