package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"

	"github.com/testbed-lab/testbed/provision"
)

// How often a booting machine is looked at: its console is a local file, its
// state a call.
const (
	consoleInterval = 50 * time.Millisecond
	stateInterval   = 500 * time.Millisecond
)

// consoleInterval is longer for a console that is far away.
func (b *Backend) consoleInterval() time.Duration {
	if b.dialer.endpoint.far() {
		return 5 * consoleInterval
	}
	return consoleInterval
}

// awaitReady waits for the ready marker on the console, rather than for a port:
// a user-mode port forwarding accepts before the guest listens.
func (b *Backend) awaitReady(ctx context.Context, d seenDomain) error {
	state := time.NewTicker(stateInterval)
	defer state.Stop()
	console := time.NewTicker(b.consoleInterval())
	defer console.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-console.C:
			if v, err := b.judge(ctx, d); err != nil || v.err != nil || v.ready {
				return errors.Join(err, v.err)
			}
		case <-state.C:
			if err := b.stillRuns(ctx, d); err != nil {
				return err
			}
		}
	}
}

func (b *Backend) judge(ctx context.Context, d seenDomain) (verdict, error) {
	text, err := b.readLog(ctx, d)
	if err != nil {
		return verdict{}, err
	}
	return judge(text), nil
}

// stillRuns is the error of a machine that ended before it was ready. What its
// console says goes first.
func (b *Backend) stillRuns(ctx context.Context, d seenDomain) error {
	state, reason, err := b.domainState(ctx, d.domain)
	if err != nil {
		return err
	}
	if state != golibvirt.DomainShutoff && state != golibvirt.DomainCrashed {
		return nil // Shutting down among them: its reason is not known yet.
	}
	if v, err := b.judge(ctx, d); err == nil && v.err != nil {
		return v.err
	}
	return fmt.Errorf("it ended early: %s (%s)%s", stateName(state), shutoffReason(reason), b.lastOfQEMU(ctx, d))
}

// lastOfQEMU is the last line that QEMU itself wrote, where we may read it.
func (b *Backend) lastOfQEMU(ctx context.Context, d seenDomain) string {
	text, err := b.site().ReadFile(ctx, b.qemuLog(d.domain.Name))
	if err != nil {
		return ""
	}
	if lines := provision.Tail(text, 1); len(lines) == 1 {
		return "; QEMU's last line: " + lines[0]
	}
	return ""
}

func (b *Backend) domainState(ctx context.Context, domain golibvirt.Domain) (state golibvirt.DomainState, reason int32, err error) {
	err = b.dialer.call(ctx, fmt.Sprintf("ask for the state of %q", domain.Name), func(l *golibvirt.Libvirt) error {
		s, r, err := l.DomainGetState(domain, 0)
		state, reason = golibvirt.DomainState(s), r
		return err
	})
	return state, reason, err
}

// shutoffReason is why a domain is shut off. "destroyed" is also what libvirt
// calls a guest that rebooted, as ours do after a panic.
func shutoffReason(reason int32) string {
	switch golibvirt.DomainShutoffReason(reason) {
	case golibvirt.DomainShutoffShutdown:
		return "it powered itself off"
	case golibvirt.DomainShutoffDestroyed:
		return "it rebooted, or somebody destroyed it"
	case golibvirt.DomainShutoffCrashed:
		return "QEMU crashed"
	case golibvirt.DomainShutoffFailed:
		return "it did not start"
	case golibvirt.DomainShutoffDaemon:
		return "libvirt ended it"
	}
	return "reason unknown"
}

// lastWords reads the console until it has been still for a moment: a kernel
// that panics takes a while to say why.
func (b *Backend) lastWords(ctx context.Context, d seenDomain) ([]byte, error) {
	const still, most = 4, 20
	var text []byte
	for same, reads := 0, 0; same < still && reads < most; reads++ {
		next, err := b.readLog(ctx, d)
		if err != nil {
			return text, err
		}
		same++
		if len(next) != len(text) {
			same = 0
		}
		text = next
		select {
		case <-time.After(consoleInterval):
		case <-ctx.Done():
			return text, ctx.Err()
		}
	}
	return text, nil
}

// rotations are the endings of a console's files, the oldest first: virtlogd begins a
// new file every 2 MiB.
var rotations = []string{".2", ".1", ".0", ""}

// readLog is the machine's console so far. The system's virtlogd makes files
// that only root reads; others get it through the pool.
func (b *Backend) readLog(ctx context.Context, d seenDomain) ([]byte, error) {
	paths := make([]string, len(rotations))
	for i, rotated := range rotations {
		paths[i] = d.Log + rotated
	}
	text, err := b.site().ReadFiles(ctx, paths...)
	if errors.Is(err, fs.ErrPermission) {
		return b.downloadLog(ctx, d)
	}
	if err != nil {
		return nil, fmt.Errorf("read the console of %q: %w", d.Thing, b.cut(err))
	}
	return text, nil
}
