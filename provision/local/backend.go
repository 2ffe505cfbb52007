package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/hold"
)

// Options say for whom machines are made. The zero value is useful.
type Options struct {
	// Owner marks all that is made. Optional: [provision.Owner].
	Owner string
	// Root is the folder that labs are in. Optional: /run/testbed/local, or a
	// private place in a contained process; see [Contain].
	Root string
	// Progress receives notes. Optional.
	Progress progress.Sink
}

// Backend makes machines of network namespaces. Its methods may be called from
// several goroutines; the steps of one plan belong to one lab at a time.
type Backend struct {
	owner  string
	folder ownerFolder
	sink   progress.Sink
	barred error // Why this process can make nothing; nil where it can.

	locks hold.Set

	mu   sync.Mutex
	made map[string]description // By lab, of what this process planned.
}

var _ provision.Backend = (*Backend)(nil)

// errOrdinary is why an ordinary user makes no machine that stays.
var errOrdinary = errors.New("only root can leave namespaces running; as an ordinary user: testbed run --backend local, which measures and ends with nothing left")

// Open looks at nothing yet but who asks.
func Open(o Options) (*Backend, error) {
	if o.Owner == "" {
		o.Owner = provision.Owner()
	}
	if err := provision.CheckOwner(o.Owner); err != nil {
		return nil, err
	}
	b := &Backend{owner: o.Owner, sink: o.Progress, made: map[string]description{}}
	if o.Root == "" {
		o.Root = "/run/testbed/local"
		if contained() {
			if err := hide(); err != nil {
				return nil, err
			}
			o.Root = hidden
		}
	}
	if os.Geteuid() != 0 {
		b.barred = errOrdinary
	}
	b.folder = ownerFolder{root: o.Root, owner: o.Owner}
	return b, nil
}

// Accelerator is empty: nothing is emulated.
func (b *Backend) Accelerator() string { return "" }

// Boots is false: all machines run this kernel.
func (b *Backend) Boots() bool { return false }

// Close gives back the locks. What runs goes on.
func (b *Backend) Close() error {
	b.locks.Close()
	b.folder.prune()
	return nil
}

// hold takes a lab's lock, or goes on holding it.
func (b *Backend) hold(ctx context.Context, lab string) error {
	return b.locks.Hold(lab, func() (*hold.Lock, error) {
		return hold.Wait(ctx, b.folder.lockPath(lab), lab, b.sink)
	})
}

func (b *Backend) letGo(lab string) {
	b.locks.LetGo(lab)
	b.folder.prune()
}

// Keep makes a lab outlive this process.
func (b *Backend) Keep(_ context.Context, lab string) error {
	l := b.folder.lab(lab)
	m, err := l.mark()
	if err != nil {
		return fmt.Errorf("keep lab %q: %w", lab, err)
	}
	if contained() {
		return fmt.Errorf("keep lab %q: %w", lab, errOrdinary)
	}
	m.Kept = true
	return l.write(labMarkFile, m)
}
