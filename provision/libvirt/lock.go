package libvirt

import (
	"context"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision/hold"
)

func (s stateStore) lockPath(lab string) string { return s.lab(lab) + ".lock" }

// tryLock returns the process that holds the lab's lock, and no lock, if one does.
func (s stateStore) tryLock(lab string) (*hold.Lock, int, error) {
	return hold.Try(s.lockPath(lab), lab)
}

// lock waits for another process to end its work on the lab.
func (s stateStore) lock(ctx context.Context, lab string, sink progress.Sink) (*hold.Lock, error) {
	return hold.Wait(ctx, s.lockPath(lab), lab, sink)
}
