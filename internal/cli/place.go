package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/libvirt"
)

// place is where a lab's machines are. The zero value is the libvirt that this
// user can use.
type place struct {
	backend string // As the lab's attribute says it; empty: libvirt.
	connect string // libvirt URI.
}

func placeOf(lab *run.Lab) place { return place{lab.Backend, lab.Connect} }

// backend opens what a place names; --connect wins over the lab's own connect.
func (a *app) backend(ctx context.Context, notes progress.Sink, at place) (provision.Backend, error) {
	switch at.backend {
	case "", "libvirt":
		return libvirt.Open(ctx, libvirt.Options{
			Connect: cmp.Or(a.connect, at.connect), Owner: provision.Owner(), Progress: notes,
		})
	}
	return nil, fmt.Errorf("backend %q is not built yet", at.backend)
}
