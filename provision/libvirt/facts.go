package libvirt

import (
	"context"
	"maps"
	"strings"

	golibvirt "github.com/digitalocean/go-libvirt"

	"github.com/testbed-lab/testbed/guestagent/computer"
)

// Facts describe the computer that libvirt runs on. The command lines of the lab's
// machines that are there are among them, so that one can be started again by hand.
func (b *Backend) Facts(ctx context.Context, lab string) (map[string]any, error) {
	about := b.site().About()
	files, err := b.site().Files(ctx, computer.FactFiles...)
	if err != nil {
		return nil, err
	}
	facts := map[string]any{
		"connect":     b.Connect(),
		"accelerator": b.host.accelerator,
		"qemu":        b.host.qemu.String(),
		"libvirt":     b.host.libvirt.String(),
		"machine":     b.host.machine,
		"emulator":    b.host.emulator,
		"vhost_net":   b.dialer.endpoint.system() && about.VhostNet,
		"kernel":      computer.Release(files),
		"network":     b.networkKind(),
		"pinning":     "none: the scheduler moves virtual CPUs",
	}
	maps.Copy(facts, computer.Facts(files))
	commands, err := b.commandLines(ctx, lab)
	if err != nil {
		return nil, err
	}
	facts["qemu_command_lines"] = commands
	return facts, nil
}

// State is of the computer that libvirt runs on.
func (b *Backend) State(ctx context.Context) (map[string]any, error) {
	files, err := b.site().Files(ctx, computer.StateFiles...)
	if err != nil {
		return nil, err
	}
	return computer.State(files), nil
}

func (b *Backend) networkKind() string {
	if b.dialer.endpoint.system() {
		return "bridge"
	}
	return "qemu datagram sockets"
}

// commandLines are by machine, "lab/machine". libvirt renders the definition;
// the running process may have file descriptors in places of paths. Before the program
// stand variables of libvirtd's own, which say where somebody's tools lie: they are left
// out.
func (b *Backend) commandLines(ctx context.Context, lab string) (map[string]string, error) {
	domains, err := b.domains(ctx)
	if err != nil {
		return nil, err
	}
	commands := map[string]string{}
	for _, d := range domains {
		if d.Name != lab {
			continue
		}
		err := b.dialer.call(ctx, "render the command line of "+d.Thing, func(l *golibvirt.Libvirt) error {
			text, err := l.DomainGetXMLDesc(d.domain, golibvirt.DomainXMLInactive)
			if err != nil {
				return err
			}
			command, err := l.ConnectDomainXMLToNative("qemu-argv", text, 0)
			commands[d.Name+"/"+d.Thing] = command[max(strings.Index(command, b.host.emulator), 0):]
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
