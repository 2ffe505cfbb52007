package libvirt

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/testbed-lab/testbed/internal/progress"
)

// daemonTimeout bounds the wait for a daemon that we start. It takes half a
// second; on a busy machine without KVM its look at QEMU takes several.
const daemonTimeout = 30 * time.Second

// startCommands are what starts the daemon of an endpoint where nothing else
// does: a session's always (virsh does the same), the system's for root on a
// machine without a service manager. What runs on another computer is its owner's to
// say.
func (e endpoint) startCommands(ctx context.Context) [][]string {
	has := func(tool string) bool { return e.site.Has(ctx, tool) }
	if !e.system() {
		for _, daemon := range []string{"virtqemud", "libvirtd"} {
			if has(daemon) {
				return [][]string{{daemon, "-d", "--timeout", "30"}}
			}
		}
		return nil
	}
	if about := e.site.About(); e.far() || about.UID != 0 || about.Systemd || !has("libvirtd") {
		return nil
	}
	var commands [][]string
	if !e.site.Exists(ctx, filepath.Join(e.folder, "virtlogd-sock")) && has("virtlogd") {
		commands = append(commands, []string{"virtlogd", "-d"})
	}
	return append(commands, []string{"libvirtd", "-d"})
}

// awaken connects, and starts the daemon where nobody listens and it is ours to
// start.
func (d *dialer) awaken(ctx context.Context, sink progress.Sink) error {
	ctx, cancel := context.WithTimeout(ctx, daemonTimeout)
	defer cancel()
	err := d.probe(ctx)
	var unreachable *unreachableError
	if !errors.As(err, &unreachable) || !notThere(unreachable.err) {
		return err
	}
	commands := d.endpoint.startCommands(ctx)
	if commands == nil {
		return err
	}
	for _, command := range commands {
		sink.Note(fmt.Sprintf("starting %s for %s", command[0], d.endpoint.name))
		if err := d.endpoint.site.Start(ctx, command); err != nil {
			return err
		}
	}
	return d.await(ctx)
}

// await waits until the daemon serves.
func (d *dialer) await(ctx context.Context) error {
	for {
		err := d.probe(ctx)
		var unreachable *unreachableError
		if !errors.As(err, &unreachable) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the socket of %s: %w", d.endpoint.name, err)
		}
	}
}
