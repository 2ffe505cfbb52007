package doctor

import (
	"context"

	"github.com/testbed-lab/testbed/provision/local"
)

// localBackend needs nothing installed, but the right to make namespaces.
func (h *host) localBackend(context.Context) Finding {
	if h.euid == 0 {
		return ok("root makes namespaces: testbed run --backend local needs no libvirt and no image")
	}
	if why, remedy := local.Forbidden(h.root); why != "" {
		return warn("user namespaces are forbidden to ordinary users ("+why+"), so no testbed run --backend local", remedy)
	}
	return ok("in a user namespace: testbed run --backend local needs no libvirt and no image")
}
