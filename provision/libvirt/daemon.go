package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/internal/progress"
)

// daemonTimeout bounds the wait for a daemon that we start. It takes half a
// second; on a busy machine without KVM its look at QEMU takes several.
const daemonTimeout = 30 * time.Second

// serviceManager says whether systemd runs this machine, as sd_booted does.
func serviceManager() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

// startCommands are what starts the daemon of an endpoint where nothing else
// does: a session's always (virsh does the same), the system's for root on a
// machine without a service manager.
func startCommands(e endpoint, euid int, systemd bool, has func(string) bool) [][]string {
	if !e.system() {
		for _, daemon := range []string{"virtqemud", "libvirtd"} {
			if has(daemon) {
				return [][]string{{daemon, "-d", "--timeout", "30"}}
			}
		}
		return nil
	}
	if euid != 0 || systemd || !has("libvirtd") {
		return nil
	}
	var commands [][]string
	if _, err := os.Stat(filepath.Join(e.folder, "virtlogd-sock")); err != nil && has("virtlogd") {
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
	commands := startCommands(d.endpoint, os.Geteuid(), serviceManager(), installed)
	if commands == nil {
		return err
	}
	for _, command := range commands {
		sink.Note(fmt.Sprintf("starting %s for %s", command[0], d.endpoint.uri))
		if err := start(ctx, command); err != nil {
			return err
		}
	}
	return d.await(ctx)
}

func installed(name string) bool { return lookup(name) != "" }

// lookup searches the folders of system daemons too: they are seldom in an
// ordinary user's PATH.
func lookup(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// start runs a command that puts itself in the background when it is ready. The
// daemon outlives us, so the context ends only the wait. It lets go of its
// standard error once it is in the background, and says there why it cannot.
func start(ctx context.Context, command []string) error {
	cmd := exec.Command(lookup(command[0]), command[1:]...)
	var complaint bytes.Buffer
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = "/", &complaint, time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", command[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			return fmt.Errorf("start %s: %w: %s", command[0], err, strings.TrimSpace(complaint.String()))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("start %s: not in the background: %w", command[0], ctx.Err())
	}
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
			return fmt.Errorf("wait for the socket of %s: %w", d.endpoint.uri, err)
		}
	}
}
