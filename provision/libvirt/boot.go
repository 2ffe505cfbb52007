package libvirt

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"
	"golang.org/x/crypto/ssh"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/sshclient"
)

// upload makes a machine's host key and overlay and puts all that it boots into
// the lab's pool.
func (j *job) upload(ctx context.Context, m provision.MachineRequest) error {
	config, err := j.want.guest(m)
	if err != nil {
		return err
	}
	private, public, err := newKey("testbed " + m.Name)
	if err != nil {
		return err
	}
	config.HostKey = private
	overlay, err := j.b.options.Overlay(config, sealedFiles(m)...)
	if err != nil {
		return fmt.Errorf("make the initramfs of %q: %w", m.Name, err)
	}
	files, err := j.b.uploadMachine(ctx, j.want.id, m, overlay)
	if err != nil {
		cleanup, cancel := undo(ctx)
		defer cancel()
		old, _ := j.seen.domain(m.Name)
		j.b.dropVolumes(cleanup, j.want.id, m.Name, append(old.paths(), old.Log)...)
		return err
	}
	j.files.put(m.Name, prepared{uploads: files, hostKey: public})
	return nil
}

// boot replaces what was there, starts the machine and waits until it answers.
// When it fails nothing of the machine is left but its console, in our state.
func (j *job) boot(ctx context.Context, m provision.MachineRequest, digest string) error {
	files, ok := j.files.get(m.Name)
	if !ok {
		return fmt.Errorf("boot %q: its files are not uploaded", m.Name)
	}
	if old, ok := j.seen.domain(m.Name); ok {
		if err := j.b.removeDomain(ctx, old.domain); err != nil {
			return err
		}
	}
	mk := j.want.mark(m.Name)
	mk.Digest, mk.Image, mk.HostKey = digest, m.ImageDigest, files.hostKey
	for _, nic := range m.NICs {
		mk.Networks = append(mk.Networks, nic.Network)
	}
	mk.Log = filepath.Join(j.b.poolPath(j.want.id), logName(m.Name))
	domain, err := j.start(ctx, m, making{mark: mk, uploads: files.uploads})
	if err != nil {
		err = j.b.explainDenied(ctx, err, files.initrd)
	} else if m.Sealed != nil {
		err = j.awaitEnd(ctx, domain)
	} else {
		err = j.answer(ctx, m, domain)
	}
	if err != nil {
		j.abandon(ctx, m.Name)
		return err
	}
	return j.b.dropVolumes(ctx, j.want.id, m.Name, append(files.paths(), mk.Log, outputName(m.Name))...)
}

// start defines and starts the domain. Another process may take the chosen port
// before QEMU does; then it gets another one.
func (j *job) start(ctx context.Context, m provision.MachineRequest, made making) (seenDomain, error) {
	const tries = 5
	var err error
	if j.want.sockets != "" {
		if err := j.b.site().MakeFolder(ctx, j.want.sockets); err != nil {
			return seenDomain{}, fmt.Errorf("make the folder of the lab's sockets: %w", err)
		}
	}
	for range tries {
		if made.port, err = j.b.site().FreePort(ctx); err != nil {
			return seenDomain{}, err
		}
		if made.mark.Sealed = m.Sealed != nil; !made.mark.Sealed {
			made.mark.SSH = fmt.Sprintf("127.0.0.1:%d", made.port)
		}
		var domain golibvirt.Domain
		if domain, err = j.define(ctx, m, made); err == nil {
			return seenDomain{mark: made.mark, domain: domain}, nil
		}
		if !portTaken(err) {
			break
		}
	}
	return seenDomain{}, err
}

func (j *job) define(ctx context.Context, m provision.MachineRequest, made making) (domain golibvirt.Domain, err error) {
	document, err := j.want.domain(m, made)
	if err != nil {
		return domain, err
	}
	text, err := encode(document)
	if err != nil {
		return domain, err
	}
	err = j.b.dialer.call(ctx, fmt.Sprintf("start machine %q", m.Name), func(l *golibvirt.Libvirt) error {
		if domain, err = l.DomainDefineXMLFlags(text, 0); err != nil {
			return err
		}
		domain, err = l.DomainCreateWithFlags(domain, 0)
		return err
	})
	return domain, err
}

func portTaken(err error) bool {
	text := err.Error()
	return strings.Contains(text, "host forwarding rule") || strings.Contains(text, "Address already in use")
}

// answer waits for the marker on the console and then for SSH, and records that
// the machine got this far.
func (j *job) answer(ctx context.Context, m provision.MachineRequest, d seenDomain) error {
	limit := j.b.bootTimeout()
	booting, cancel := context.WithTimeoutCause(ctx, limit, &lateError{limit})
	defer cancel()
	started := time.Now()
	if err := j.b.awaitReady(booting, d); err != nil {
		return j.bootError(booting, d, err)
	}
	marked := time.Since(started)
	client, err := j.b.dial(booting, d, j.kept)
	if err != nil {
		return j.bootError(booting, d, err)
	}
	defer client.Close()
	j.b.sink.Emit(progress.Event{Step: "boot " + m.Name, State: progress.Running,
		Detail: fmt.Sprintf("ready after %.1f s, SSH after %.1f s", marked.Seconds(), time.Since(started).Seconds())})
	if err := setUp(ctx, client, m); err != nil {
		return err
	}
	return j.b.setState(ctx, d.domain, stateXML{Ready: true})
}

// setUp runs the commands that the lab has for a machine that has just booted.
// The machine counts as up only with them, so that a lab is never half set up.
func setUp(ctx context.Context, client *sshclient.Client, m provision.MachineRequest) error {
	if m.Setup == "" {
		return nil
	}
	var out bytes.Buffer
	err := client.Exec(ctx, provision.Command{
		// One stream, so that errors stand where they happened.
		Args: []string{"sh", "-e", "-c", "exec 2>&1\n" + m.Setup}, Stdout: &out,
	})
	if err != nil {
		return fmt.Errorf("set up %q: %w; its last words:\n%s", m.Name, err, strings.Join(provision.Tail(out.Bytes(), provision.ConsoleLines), "\n"))
	}
	return nil
}

// sshTimeout bounds the wait for an answer of a machine that was ready once.
const sshTimeout = time.Minute

// dial opens SSH to a machine that is known by its mark.
func (b *Backend) dial(ctx context.Context, d seenDomain, kept keptState) (*sshclient.Client, error) {
	if kept.Key == "" {
		return nil, fmt.Errorf("connect to %q: the lab's SSH key is not in %s; run up again, which makes its machines anew", d.Thing, b.state.file(d.Name))
	}
	signer, err := kept.signer()
	if err != nil {
		return nil, err
	}
	hostKey, _, _, _, err := ssh.ParseAuthorizedKey([]byte(d.HostKey))
	if err != nil {
		return nil, fmt.Errorf("read the host key of %q in its domain's metadata: %w", d.Thing, err)
	}
	ctx, cancel := context.WithTimeout(ctx, sshTimeout)
	defer cancel()
	client, err := sshclient.DialReady(ctx, sshclient.Options{
		Name: d.Thing, Address: d.SSH, Key: signer, HostKey: hostKey, Dial: b.site().Dial,
	})
	return client, b.cut(err)
}

// bootError keeps the console and shows the end of it. A cancelled boot is not
// the machine's fault.
func (j *job) bootError(ctx context.Context, d seenDomain, err error) error {
	if context.Cause(ctx) == context.Canceled {
		return fmt.Errorf("boot %q: %w", d.Thing, context.Canceled)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	cleanup, cancel := undo(ctx)
	defer cancel()
	text, logErr := j.b.lastWords(cleanup, d)
	if logErr != nil {
		return fmt.Errorf("boot %q: %w (and %w)", d.Thing, err, logErr)
	}
	return &BootError{Machine: d.Thing, Err: err, Console: text, File: j.keepConsole(d.Thing, text)}
}

// lateError is the end of a wait.
type lateError struct{ limit time.Duration }

func (e *lateError) Error() string { return fmt.Sprintf("no answer in %s", e.limit) }

func (e *lateError) Is(target error) bool { return target == context.DeadlineExceeded }

// keepConsole saves the console of a machine that is about to be removed.
func (j *job) keepConsole(machine string, text []byte) string {
	folder := j.b.state.console(j.want.Lab)
	file := filepath.Join(folder, machine+".log")
	if os.MkdirAll(folder, 0o700) != nil || os.WriteFile(file, text, 0o600) != nil {
		return ""
	}
	return file
}

// abandon removes a machine whose boot failed or was cancelled. Its own errors
// are dropped: the first one says more, and gc finds the rest.
func (j *job) abandon(ctx context.Context, machine string) {
	ctx, cancel := undo(ctx)
	defer cancel()
	domains, _ := j.b.domains(ctx)
	for _, d := range domains {
		if d.Lab == j.want.id && d.Thing == machine {
			j.b.removeDomain(ctx, d.domain)
		}
	}
	j.b.dropVolumes(ctx, j.want.id, machine)
}
