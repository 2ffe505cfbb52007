package libvirt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	golibvirt "github.com/digitalocean/go-libvirt"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/provision"
)

// makePool makes the lab's pool, or finishes one that was half made.
func (b *Backend) makePool(ctx context.Context, id string) error {
	name := b.names.pool(id)
	document, err := encode(poolXML{Type: "dir", Name: name, Path: b.poolPath(id)})
	if err != nil {
		return err
	}
	err = b.dialer.call(ctx, fmt.Sprintf("make storage pool %q", name), func(l *golibvirt.Libvirt) error {
		pool, err := l.StoragePoolLookupByName(name)
		if notFound(err) {
			pool, err = l.StoragePoolDefineXML(document, 0)
		}
		if err != nil {
			return err
		}
		active, err := l.StoragePoolIsActive(pool)
		if err != nil || active != 0 {
			return err
		}
		if err := l.StoragePoolBuild(pool, 0); err != nil {
			return err
		}
		return l.StoragePoolCreate(pool, 0)
	})
	if err != nil {
		b.abandonPool(ctx, id)
		return b.explainDenied(ctx, err, b.poolRoot)
	}
	return nil
}

// abandonPool removes what a failed makePool left. Its own errors are dropped:
// the first one says more, and gc finds the rest.
func (b *Backend) abandonPool(ctx context.Context, id string) {
	ctx, cancel := undo(ctx)
	defer cancel()
	pools, _ := b.pools(ctx)
	for _, p := range pools {
		if p.lab == id {
			b.removePool(ctx, p)
		}
	}
}

// upload writes a file into the lab's pool, where a confined QEMU may read it,
// and returns its path. What stands there under that name may be half of it, so
// it is replaced.
func (b *Backend) upload(ctx context.Context, id, name string, size int64, content io.Reader) (string, error) {
	return b.uploadAs(ctx, id, name, ownerOnly, size, content)
}

func (b *Backend) uploadAs(ctx context.Context, id, name, mode string, size int64, content io.Reader) (string, error) {
	document, err := encode(volumeDocument(name, mode, uint64(size)))
	if err != nil {
		return "", err
	}
	var path string
	err = b.dialer.stream(ctx, fmt.Sprintf("upload %s", name), func(l *golibvirt.Libvirt) error {
		pool, err := l.StoragePoolLookupByName(b.names.pool(id))
		if err != nil {
			return err
		}
		if old, err := l.StorageVolLookupByName(pool, name); err == nil {
			if err := l.StorageVolDelete(old, 0); err != nil {
				return err
			}
		}
		volume, err := l.StorageVolCreateXML(pool, document, 0)
		if err != nil {
			return err
		}
		if path, err = l.StorageVolGetPath(volume); err != nil {
			return err
		}
		return l.StorageVolUpload(volume, content, 0, uint64(size), 0)
	})
	if err != nil {
		return "", b.explainDenied(ctx, err, b.poolPath(id))
	}
	return path, nil
}

// uploads are the paths of the files that a machine boots. Without a disk its path
// is empty.
//
// A sealed machine's plugin and what that writes are no files of the domain's: QEMU
// opens them by itself.
type uploads struct{ kernel, initrd, disk, plugin, counts string }

func (u uploads) paths() []string { return []string{u.kernel, u.initrd, u.disk, u.plugin, u.counts} }

// uploadMachine uploads a machine's kernel, and its root with the overlay after
// it: the kernel unpacks concatenated archives one over the other.
func (b *Backend) uploadMachine(ctx context.Context, id string, m provision.MachineRequest, overlay []byte) (uploads, error) {
	var u uploads
	image, err := kernelOf(m)
	if err != nil {
		return u, err
	}
	archive, err := os.ReadFile(m.Root)
	if err != nil {
		return u, fmt.Errorf("read the root of %q: %w", m.Name, err)
	}
	if u.kernel, err = b.uploadBytes(ctx, id, m.Name, "kernel", image); err != nil {
		return u, err
	}
	if u.initrd, err = b.uploadBytes(ctx, id, m.Name, "initrd", archive, overlay); err != nil {
		return u, err
	}
	if m.Disk != "" {
		if u.disk, err = b.uploadDisk(ctx, id, m); err != nil {
			return u, err
		}
	}
	if m.Sealed != nil && m.Sealed.Plugin != nil {
		err = b.uploadPlugin(ctx, id, m, &u)
	}
	return u, err
}

// kernelOf reads what a machine starts. A sealed one would spend its instructions on
// unpacking the kernel, so it is given it unpacked, where it can start so.
func kernelOf(m provision.MachineRequest) ([]byte, error) {
	image, err := os.ReadFile(m.Kernel)
	if err != nil {
		return nil, fmt.Errorf("read the kernel of %q: %w", m.Name, err)
	}
	if m.Sealed == nil {
		return image, nil
	}
	if kernel, err := images.Unpack(image); err == nil {
		return kernel, nil
	}
	return image, nil
}

// uploadDisk does not read the disk into memory: it may be larger than that.
func (b *Backend) uploadDisk(ctx context.Context, id string, m provision.MachineRequest) (string, error) {
	file, err := os.Open(m.Disk)
	if err != nil {
		return "", fmt.Errorf("read the disk of %q: %w", m.Name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("read the disk of %q: %w", m.Name, err)
	}
	return b.upload(ctx, id, volumeName(m.Name, "disk", m.ImageDigest), info.Size(), file)
}

// uploadBytes concatenates the parts. An archive must start on a multiple of
// four bytes, and the kernel skips zeros between two.
func (b *Backend) uploadBytes(ctx context.Context, id, machine, kind string, parts ...[]byte) (string, error) {
	hash := sha256.New()
	var readers []io.Reader
	var size int64
	for i, part := range parts {
		pieces := [][]byte{part}
		if i < len(parts)-1 {
			pieces = append(pieces, make([]byte, (4-len(part)%4)%4))
		}
		for _, p := range pieces {
			hash.Write(p)
			readers = append(readers, bytes.NewReader(p))
			size += int64(len(p))
		}
	}
	name := volumeName(machine, kind, hex.EncodeToString(hash.Sum(nil)))
	return b.upload(ctx, id, name, size, io.MultiReader(readers...))
}

// dropVolumes deletes the files of a machine that the kept paths do not name.
func (b *Backend) dropVolumes(ctx context.Context, id, machine string, kept ...string) error {
	keep := map[string]bool{}
	for _, path := range kept {
		keep[filepath.Base(path)] = true
	}
	return b.deleteVolumes(ctx, id, machine, func(name string) bool {
		return volumeMachine(name) == machine && !keep[name]
	})
}

// deleteVolumes deletes the files of a lab's pool that doomed picks. what names
// them for the error.
func (b *Backend) deleteVolumes(ctx context.Context, id, what string, doomed func(name string) bool) error {
	return b.dialer.call(ctx, fmt.Sprintf("delete the files of %q", what), func(l *golibvirt.Libvirt) error {
		pool, err := l.StoragePoolLookupByName(b.names.pool(id))
		if err != nil {
			return gone(err)
		}
		return emptyPool(ctx, l, pool, doomed)
	})
}

// volumes lists the files of a pool.
func (b *Backend) volumes(ctx context.Context, p seenPool) ([]string, error) {
	var names []string
	err := b.deleteVolumes(ctx, p.lab, shortID(p.lab), func(name string) bool {
		names = append(names, name)
		return false
	})
	return names, err
}
