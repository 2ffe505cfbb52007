package libvirt

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"
)

// removeDomain ends a machine and forgets it. Anything of it that is not there
// is no error, so that it finishes what an earlier one began.
func (b *Backend) removeDomain(ctx context.Context, domain golibvirt.Domain) error {
	err := b.dialer.call(ctx, fmt.Sprintf("remove domain %q", domain.Name), func(l *golibvirt.Libvirt) error {
		if err := l.DomainDestroyFlags(domain, 0); gone(err) != nil && !alreadySo(err) {
			return err
		}
		return gone(l.DomainUndefineFlags(domain,
			golibvirt.DomainUndefineManagedSave|golibvirt.DomainUndefineSnapshotsMetadata|
				golibvirt.DomainUndefineCheckpointsMetadata|golibvirt.DomainUndefineNvram))
	})
	if err == nil {
		b.site().Remove(ctx, b.qemuLog(domain.Name)) // Root's to remove; libvirt itself never does.
	}
	return err
}

// qemuLog is where libvirt writes how it started QEMU and what QEMU said.
func (b *Backend) qemuLog(domain string) string {
	if b.dialer.endpoint.system() {
		return filepath.Join("/var/log/libvirt/qemu", domain+".log")
	}
	cache := cmp.Or(b.site().Getenv("XDG_CACHE_HOME"), filepath.Join(b.site().Getenv("HOME"), ".cache"))
	return filepath.Join(cache, "libvirt/qemu/log", domain+".log")
}

// removeNetwork ends a network and its bridge. Ours are transient, so there is
// nothing to undefine unless somebody made one persistent.
func (b *Backend) removeNetwork(ctx context.Context, network golibvirt.Network) error {
	return b.dialer.call(ctx, fmt.Sprintf("remove network %q", network.Name), func(l *golibvirt.Libvirt) error {
		if err := l.NetworkDestroy(network); gone(err) != nil && !alreadySo(err) {
			return err
		}
		return gone(l.NetworkUndefine(network))
	})
}

// removePool deletes the lab's files with their folder. An inactive pool, such
// as after a reboot, is started first, as only an active one shows its files.
func (b *Backend) removePool(ctx context.Context, p seenPool) error {
	err := b.dialer.call(ctx, fmt.Sprintf("remove storage pool %q", p.pool.Name), func(l *golibvirt.Libvirt) error {
		if err := emptyPool(ctx, l, p.pool, func(string) bool { return true }); err != nil {
			return err
		}
		if err := l.StoragePoolDestroy(p.pool); gone(err) != nil && !alreadySo(err) {
			return err
		}
		if err := l.StoragePoolDelete(p.pool, 0); gone(err) != nil && !(missingFolder(err) && !b.site().Exists(ctx, b.poolPath(p.lab))) {
			return err
		}
		return gone(l.StoragePoolUndefine(p.pool))
	})
	if err != nil {
		return err
	}
	b.removeSockets(ctx, p.lab)
	return nil
}

// emptyPool deletes the files that doomed picks by name. A pool whose folder is
// missing has none.
func emptyPool(ctx context.Context, l *golibvirt.Libvirt, pool golibvirt.StoragePool, doomed func(name string) bool) error {
	if err := l.StoragePoolCreate(pool, 0); err != nil && !alreadySo(err) {
		if missingFolder(err) || notFound(err) {
			return nil
		}
		return err
	}
	// The console logs were made behind the pool's back.
	if err := refresh(ctx, l, pool); err != nil {
		return err
	}
	volumes, _, err := l.StoragePoolListAllVolumes(pool, 1, 0)
	if err != nil {
		return err
	}
	for _, volume := range volumes {
		if !doomed(volume.Name) {
			continue
		}
		if err := l.StorageVolDelete(volume, 0); gone(err) != nil {
			return err
		}
	}
	return nil
}

// refresh has a pool look at its folder. A pool that a file is read from or written to
// will not, and is asked again until the call's time is over.
func refresh(ctx context.Context, l *golibvirt.Libvirt, pool golibvirt.StoragePool) error {
	for {
		err := l.StoragePoolRefresh(pool, 0)
		if err == nil || !strings.Contains(err.Error(), "asynchronous jobs") {
			return err
		}
		select {
		case <-time.After(consoleInterval):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// missingFolder is the answer of a pool whose folder is not there.
func missingFolder(err error) bool {
	return hasCode(err, golibvirt.ErrSystemError, golibvirt.ErrInternalError, golibvirt.ErrOperationFailed)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// removeSockets removes what a session's machines met at. QEMU leaves the
// sockets behind.
func (b *Backend) removeSockets(ctx context.Context, id string) {
	if b.dialer.endpoint.system() {
		return
	}
	folder := b.socketFolder(id)
	_ = b.site().RemoveAll(ctx, folder)
	b.site().Remove(ctx, filepath.Dir(folder)) // Fails while another lab is there.
}
