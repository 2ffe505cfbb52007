package libvirt

import (
	"context"
	"fmt"
	"strings"
)

// explainDenied adds to a "permission denied" which folder on the way to path
// QEMU's user may not search, and the command that lets it. It is the commonest
// complaint about libvirt, and libvirt names the whole path only.
func (b *Backend) explainDenied(ctx context.Context, err error, path string) error {
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), "permission denied") {
		return err
	}
	ctx, cancel := undo(ctx)
	defer cancel()
	there := b.dialer.endpoint.there()
	if dir := b.site().Unsearchable(ctx, path); dir != "" {
		return fmt.Errorf("%w; QEMU's user may not search %s%s: sudo setfacl -m u:%s:x %[2]s",
			err, dir, there, b.site().About().QEMUUser)
	}
	return fmt.Errorf("%w; every folder of %s may be searched, so a security driver refuses it: see the audit log%s (journalctl -k | grep -i denied)",
		err, path, there)
}
