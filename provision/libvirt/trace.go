package libvirt

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/testbed-lab/testbed/provision"
)

// traces are what libvirt makes outside of itself for this owner.
type traces struct {
	bridges []string
	folders map[string]string // Of pools, by the lab's UUID.
}

// traces has to be looked at before libvirt is: libvirt lists a network or pool
// before it makes the bridge or folder, so what is here and not listed then was
// lost, and is not of a lab that another process began between the two looks.
func (b *Backend) traces(ctx context.Context) (traces, error) {
	there := traces{folders: map[string]string{}}
	if b.dialer.endpoint.system() {
		var err error
		if there.bridges, err = ownBridges(ctx, b.site(), b.names.owner); err != nil {
			return traces{}, err
		}
	}
	// There may be no such folder, or it is root's to look into.
	for _, name := range b.site().List(ctx, b.poolRoot) {
		if id, ours := b.names.poolLab(name); ours {
			there.folders[id] = filepath.Join(b.poolRoot, name)
		}
	}
	return there, nil
}

func (t traces) strayBridgeSteps(b *Backend, all seen) []provision.Step {
	known := map[string]bool{}
	for _, n := range all.networks {
		known[n.bridge] = true
	}
	var steps []provision.Step
	for _, name := range t.bridges {
		if known[name] {
			continue
		}
		steps = append(steps, provision.Step{Stage: 1, Name: "remove bridge " + name, Action: provision.Remove,
			Why: "libvirt has no network for it", Do: func(ctx context.Context) error { return b.removeBridge(ctx, name) }})
	}
	return steps
}

// strayFolderSteps find the folders of pools that libvirt has forgotten. They
// have the pool's name, which carries the owner.
func (t traces) strayFolderSteps(b *Backend, all seen, busy census) []provision.Step {
	known := map[string]bool{}
	for _, p := range all.pools {
		known[p.lab] = true
	}
	var steps []provision.Step
	for _, id := range slices.Sorted(maps.Keys(t.folders)) {
		folder := t.folders[id]
		if known[id] || busy.ids[id] {
			continue
		}
		steps = append(steps, provision.Step{Stage: 2, Name: "remove folder " + folder, Action: provision.Remove,
			Why: "libvirt has no pool for it", Do: func(ctx context.Context) error {
				if err := b.site().RemoveAll(ctx, folder); err != nil {
					return fmt.Errorf("remove folder %q: %w", folder, err)
				}
				b.removeSockets(ctx, id)
				return nil
			}})
	}
	return steps
}
