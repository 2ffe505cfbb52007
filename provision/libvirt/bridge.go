package libvirt

import (
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

func (b *Backend) removeBridge(ctx context.Context, name string) error {
	if err := b.site().RemoveLink(ctx, name); err != nil {
		return fmt.Errorf("remove bridge %q: %w; as root%s: ip link delete %[1]s", name, err, b.dialer.endpoint.there())
	}
	return nil
}
