package libvirt

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/hold"
	"github.com/testbed-lab/testbed/provision/libvirt/site"
	"github.com/testbed-lab/testbed/provision/ssh"
	"github.com/testbed-lab/testbed/testbed"
)

// Options say which libvirt to use, and for whom.
type Options struct {
	// Connect is "qemu:///system" or "qemu:///session", or one of another computer's:
	// "qemu+ssh://user@host:22/system". Optional: empty is the system's for root and
	// the session's for others.
	Connect string
	// SSH is the command by which another computer is reached, as
	// [ssh.Options.Command]. Optional.
	SSH string
	// Owner marks all that is made. Optional: [provision.Owner].
	Owner string
	// StateDir holds keys and locks. Optional: $XDG_STATE_HOME/testbed.
	StateDir string
	// PoolDir holds what machines boot. Optional: /var/lib/libvirt/images on
	// the system's connection, $XDG_DATA_HOME/testbed on the session's.
	PoolDir string
	// Emulated says that emulation is wanted, also where there is KVM. Optional.
	Emulated bool
	// Progress receives notes. Optional.
	Progress progress.Sink
	// BootTimeout bounds the time from power-on to an answered SSH. Optional:
	// one minute with KVM, three without.
	BootTimeout time.Duration
	// Overlay makes the part of an initramfs that is a machine's own: a cpio
	// with its configuration, which follows the image's root. Optional:
	// [images.GuestOverlay].
	Overlay func(guestconfig.Config, ...images.OverlayFile) ([]byte, error)
}

// Backend makes machines of libvirt domains. Its methods may be called from
// several goroutines; the steps of one plan belong to one lab at a time.
type Backend struct {
	options  Options
	dialer   *dialer
	host     hypervisor
	names    namer
	state    stateStore
	sink     progress.Sink
	poolRoot string
	locks    hold.Set
}

var _ provision.Backend = (*Backend)(nil)

// Open connects, starting the daemon where it is ours to start, and finds out
// what it can run.
func Open(ctx context.Context, options Options) (*Backend, error) {
	b, err := configure(ctx, options)
	if err != nil {
		return nil, err
	}
	if err = b.dialer.awaken(ctx, b.sink); err == nil {
		b.host, err = b.dialer.discover(ctx, options.Emulated)
	}
	if err == nil {
		err = b.host.check()
	}
	if err != nil {
		b.dialer.Close()
		return nil, err
	}
	if b.host.accelerator != "kvm" && !options.Emulated {
		b.sink.Note("no KVM" + cmp.Or(b.dialer.endpoint.there(), " here") + " that runs Debian's kernels: machines run under QEMU's emulation (TCG), many times slower; ratios between modes still mean something, nanoseconds do not carry over")
	}
	return b, nil
}

// configure fills in the defaults, and touches nothing but to reach another computer.
func configure(ctx context.Context, o Options) (*Backend, error) {
	if o.Owner == "" {
		o.Owner = provision.Owner()
	}
	if err := provision.CheckOwner(o.Owner); err != nil {
		return nil, err
	}
	if o.StateDir == "" {
		var err error
		if o.StateDir, err = stateFolder(); err != nil {
			return nil, err
		}
	}
	e, err := o.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	pools := o.PoolDir
	if pools == "" {
		if pools, err = defaultPoolRoot(e); err != nil {
			_ = e.site.Close()
			return nil, err
		}
	}
	if o.Overlay == nil {
		o.Overlay = images.GuestOverlay
	}
	names := newNamer(o.Owner, e)
	return &Backend{
		options: o, dialer: &dialer{endpoint: e}, names: names, sink: o.Progress,
		state: newStateStore(o.StateDir, names), poolRoot: pools,
	}, nil
}

// endpoint finds the daemon, and reaches the computer that it is on.
func (o Options) endpoint(ctx context.Context) (endpoint, error) {
	uri := cmp.Or(o.Connect, standard(os.Geteuid()))
	h, err := testbed.ParseConnect(uri)
	if err != nil {
		return endpoint{}, fmt.Errorf("connect to %q: %w", uri, err)
	}
	at := site.Here()
	if h.SSH != "" {
		at, err = site.Far(ctx, h.SSH, func(ctx context.Context) (site.Tunnel, error) {
			return ssh.OpenTunnel(ctx, o.SSH, "hypervisor", h.SSH)
		})
		if err != nil {
			return endpoint{}, err
		}
	}
	e, err := chooseEndpoint(uri, h, at)
	if err != nil {
		_ = at.Close()
	}
	return e, err
}

func defaultPoolRoot(e endpoint) (string, error) {
	if e.system() {
		return "/var/lib/libvirt/images", nil
	}
	return dataFolder(e.site.Getenv)
}

// Accelerator is "kvm" or "tcg".
func (b *Backend) Accelerator() string { return b.host.accelerator }

// Boots is true: a domain boots an image.
func (b *Backend) Boots() bool { return true }

// Connect is the libvirt URI in use.
func (b *Backend) Connect() string { return b.dialer.endpoint.name }

// site is the computer that the machines are on.
func (b *Backend) site() site.Site { return b.dialer.endpoint.site }

// Close gives back the locks and the connections. What runs goes on.
func (b *Backend) Close() error {
	b.locks.Close()
	b.state.prune()
	b.dialer.Close()
	return nil
}

// hold takes a lab's lock, or goes on holding it.
func (b *Backend) hold(ctx context.Context, lab string) error {
	return b.locks.Hold(lab, func() (*hold.Lock, error) { return b.state.lock(ctx, lab, b.sink) })
}

func (b *Backend) letGo(lab string) { b.locks.LetGo(lab) }

func (b *Backend) bootTimeout() time.Duration {
	switch {
	case b.options.BootTimeout > 0:
		return b.options.BootTimeout
	case b.host.accelerator == "kvm":
		return time.Minute
	}
	return 3 * time.Minute
}

func (b *Backend) poolPath(id string) string { return filepath.Join(b.poolRoot, b.names.pool(id)) }

// socketFolder is where the machines of a session meet. Its path is short: a
// Unix socket's may have 107 bytes.
func (b *Backend) socketFolder(id string) string {
	return filepath.Join(filepath.Dir(b.dialer.endpoint.folder), "testbed", digestOf(id)[:12])
}

// undo is the context in which a failed or cancelled step cleans up.
func undo(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}
