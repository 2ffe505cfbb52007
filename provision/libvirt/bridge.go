package libvirt

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/provision/libvirt/site"
)

// ownBridges lists those that carry this owner's mark. A bridge has one only where root
// made it; otherwise the libvirt network carries it, and the bridge's is for one whose
// network libvirt lost.
func ownBridges(ctx context.Context, at site.Site, owner string) ([]string, error) {
	links, err := at.Links(ctx)
	if err != nil {
		return nil, err
	}
	prefix := fmt.Sprintf("testbed owner=%s lab=", owner)
	maps.DeleteFunc(links, func(_, alias string) bool { return !strings.HasPrefix(alias, prefix) })
	return slices.Sorted(maps.Keys(links)), nil
}

// bridges sees that those which networks name are there. Who has a bridge of one's own
// made it.
func (b *Backend) bridges(ctx context.Context, w wantedLab) error {
	for _, n := range w.Networks {
		if n.Bridge == "" {
			continue
		}
		if !w.backendNetworks() {
			return fmt.Errorf("plan network %q: a session may use no bridge, and this is to use %s; write /system in its URI", n.Name, n.Bridge)
		}
		there := b.dialer.endpoint.there()
		if !b.site().Exists(ctx, "/sys/class/net/"+n.Bridge+"/bridge") {
			return fmt.Errorf("plan network %q: there is no bridge %q%s; make it as root there (ip link add %[2]s type bridge && ip link set %[2]s up), with the NIC that leads to the others in it, or name another", n.Name, n.Bridge, cmp.Or(there, " here"))
		}
	}
	return nil
}

func (b *Backend) removeBridge(ctx context.Context, name string) error {
	if err := b.site().RemoveLink(ctx, name); err != nil {
		return fmt.Errorf("remove bridge %q: %w; as root%s: ip link delete %[1]s", name, err, b.dialer.endpoint.there())
	}
	return nil
}
