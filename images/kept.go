package images

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/testbed"
)

// Kept gives images that were kept with a result, and has the others built.
type Kept struct {
	Dir      string // The result's folder.
	Progress progress.Sink
	Else     interface {
		Build(ctx context.Context, image testbed.Image, lock *Lock) (*Built, error)
	}
}

// Build gives the kept image, once its files are those that the lock pins. One that
// was not kept is built, and a note says so where it then has other bytes.
func (k Kept) Build(ctx context.Context, image testbed.Image, lock *Lock) (*Built, error) {
	locked, ok := lock.image(image.Name)
	if !ok {
		return k.Else.Build(ctx, image, lock)
	}
	dir := filepath.Join(k.Dir, KeptDir, image.Name)
	if _, err := os.Stat(dir); err != nil {
		return k.rebuild(ctx, image, lock, locked)
	}
	if err := locked.holds(dir); err != nil {
		return nil, fmt.Errorf("take the kept image %q: %w", image.Name, err)
	}
	k.Progress.Skip("build image "+image.Name, "kept with the result")
	userland, _ := lock.userland(locked.Userland)
	return locked.built(dir, userland), nil
}

func (k Kept) rebuild(ctx context.Context, image testbed.Image, lock *Lock, locked lockedImage) (*Built, error) {
	built, err := k.Else.Build(ctx, image, lock)
	if err == nil && built.Digest != locked.manifest().digest() {
		k.Progress.Note(fmt.Sprintf("image %s: this testbed makes other bytes of the same packages than the one that measured", image.Name))
	}
	return built, err
}

// holds says what a folder lacks of the files that the lock pins.
func (l lockedImage) holds(dir string) error {
	want := map[string]string{kernelFile: l.KernelSHA256, rootFile: l.RootSHA256}
	if l.DiskSHA256 != nil {
		want[diskFile] = *l.DiskSHA256
	}
	for name, digest := range want {
		found, err := takeStamp(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if found.SHA256 != digest {
			return fmt.Errorf("the SHA-256 of its %s is %.12s…, and the lock pins %.12s…", name, found.SHA256, digest)
		}
	}
	return nil
}

// built is the answer to the caller, from what the lock says.
func (l lockedImage) built(dir string, userland lockedUserland) *Built {
	m := l.manifest()
	b := &Built{
		Name: l.Name, Kernel: filepath.Join(dir, kernelFile), Root: filepath.Join(dir, rootFile), Digest: m.digest(), Release: m.Release,
		Facts: map[string]any{
			"kernel_release": l.KernelRelease, "kernel_sha256": l.KernelSHA256, "root_sha256": l.RootSHA256, "builder": l.Builder,
			"userland": l.Userland, "userland_packages": describe(unlockPackages(userland.Packages)),
		},
	}
	switch {
	case l.Kernel != nil:
		b.Facts["kernel"], b.Facts["modules"] = *l.Kernel, optional(l.Modules)
	case l.Tree != nil:
		b.Facts["tree"] = *l.Tree
	case l.Deb != nil:
		b.Facts["deb"] = *l.Deb
	default:
		b.Facts["suite"], b.Facts["kernel_packages"] = firstOf(optional(l.Release), optional(l.Suite)), describe(unlockPackages(l.Packages))
	}
	if l.DiskSHA256 != nil {
		b.Disk = filepath.Join(dir, diskFile)
		b.Facts["disk_sha256"], b.Facts["added_packages"] = *l.DiskSHA256, describe(unlockPackages(l.Added))
	}
	if expired := firstOf(optional(l.Expired), optional(userland.Expired)); expired != "" {
		b.Facts["expired"] = expired
	}
	return b
}
