package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/testbed-lab/testbed/images/newc"
	"github.com/testbed-lab/testbed/testbed"
)

// Names of files in the cache's folders.
const (
	kernelFile   = "vmlinuz"
	modulesFile  = "modules.cpio"
	releaseFile  = "release"
	userlandFile = "userland.cpio"
	rootFile     = "root.cpio"
	diskFile     = "packages.erofs"
)

// Built is an image that can boot.
type Built struct {
	Name    string
	Kernel  string // Local path of the bzImage.
	Root    string // Local path of the initramfs: an uncompressed newc cpio that another may follow.
	Disk    string // Local path of the disk with the packages that the image adds. Empty: none.
	Digest  string // Identifies the bytes of all of them together.
	Release string // uname -r of the kernel.
	// Facts are for the result's environment: packages, digests, suites.
	Facts map[string]any
}

// Build makes an image, or finds it in the cache, and pins what it is made of
// in the lock; the caller writes the lock. Builds may run at once.
func (s *Store) Build(ctx context.Context, image testbed.Image, lock *Lock) (*Built, error) {
	if lock == nil {
		lock = &Lock{}
	}
	built, err := s.build(ctx, image, lock)
	if err != nil {
		return nil, fmt.Errorf("build image %q: %w", image.Name, s.remedy(err))
	}
	return built, nil
}

func (s *Store) build(ctx context.Context, image testbed.Image, lock *Lock) (*Built, error) {
	if !bytes.HasPrefix(s.options.Init, []byte("\x7fELF")) {
		return nil, errors.New("this testbed was built without PID 1 of the guest: run make build")
	}
	unlock, err := s.share(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := s.resolve(ctx, image, lock)
	if err != nil {
		return nil, err
	}
	key := cacheKey("image", r.kernel.key, r.userland.key, r.added.key, s.initDigest)
	m, err := s.cached(key)
	if err == nil && m != nil {
		s.options.Progress.Skip("build image "+image.Name, "cached")
	} else if err == nil {
		m, err = s.assemble(ctx, r, key)
	}
	if err != nil {
		return nil, err
	}
	if err := s.pin(r, m, lock); err != nil {
		return nil, err
	}
	return s.built(key, lock, r.image.Name, r.image.Userland), nil
}

// assemble makes the parts at once and joins kernel and tools with PID 1.
func (s *Store) assemble(ctx context.Context, r *recipe, key string) (*manifest, error) {
	var kernelPath, userlandPath, diskPath string
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		kernelPath, err = s.makeKernel(groupCtx, r)
		return err
	})
	group.Go(func() (err error) {
		userlandPath, err = s.makeUserland(groupCtx, r)
		return err
	})
	if r.added.key != "" {
		group.Go(func() (err error) {
			diskPath, err = s.makeDisk(groupCtx, r)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	err := s.options.Progress.Do("build image "+r.image.Name, func() error {
		_, err := s.once(ctx, imageDir, key, func(dir string) error {
			if diskPath != "" {
				if err := linkOrCopy(filepath.Join(diskPath, diskFile), filepath.Join(dir, diskFile)); err != nil {
					return err
				}
			}
			return s.join(dir, r, kernelPath, userlandPath)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	m, err := s.cached(key)
	if err == nil && m == nil {
		err = errors.New("the image changed in the cache while it was built")
	}
	return m, err
}

// makeKernel fills a folder with a kernel, its release and its modules.
func (s *Store) makeKernel(ctx context.Context, r *recipe) (string, error) {
	return s.once(ctx, kernelDir, r.kernel.key, func(dir string) error {
		k, err := s.readKernel(ctx, r, dir)
		if err != nil {
			return r.blame(err)
		}
		return s.options.Progress.Do("unpack modules of "+k.release, func() error {
			t, err := modulesTree(k)
			if err != nil {
				return r.blame(err)
			}
			return errors.Join(
				writeFile(filepath.Join(dir, kernelFile), k.image),
				writeFile(filepath.Join(dir, releaseFile), []byte(k.release)),
				writeTree(filepath.Join(dir, modulesFile), t),
			)
		})
	})
}

func (s *Store) readKernel(ctx context.Context, r *recipe, dir string) (*kernel, error) {
	if r.own != nil {
		return s.readOwn(ctx, r, dir)
	}
	debs, err := s.fetch(ctx, r, r.kernel.packages)
	if err != nil {
		return nil, err
	}
	var k *kernel
	err = s.options.Progress.Do("unpack kernel "+r.release, func() (err error) {
		k, err = unpackKernel(r.release, debs)
		return err
	})
	return k, err
}

// readOwn reads a kernel of the user's, who may build another in its place
// meanwhile: that is no kernel to keep under the first one's key.
func (s *Store) readOwn(ctx context.Context, r *recipe, dir string) (k *kernel, err error) {
	scratch := filepath.Join(dir, "scratch")
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	err = s.options.Progress.Do("read kernel of image "+r.image.Name, func() error {
		if k, err = r.own.read(ctx, scratch); err != nil {
			return err
		}
		key, err := r.own.key()
		if err == nil && key != r.ownKey {
			err = errors.New("the kernel changed while it was read: wait for its build to end")
		}
		return err
	})
	return k, err
}

// makeUserland fills a folder with the archive of the tools.
func (s *Store) makeUserland(ctx context.Context, r *recipe) (string, error) {
	return s.once(ctx, userlandDir, r.userland.key, func(dir string) error {
		debs, err := s.fetch(ctx, r, r.userland.packages)
		if err != nil {
			return err
		}
		return s.options.Progress.Do("unpack tools of "+r.image.Userland, func() error {
			t, err := userlandTree(debs, r.image.Userland)
			if err != nil {
				return err
			}
			return writeTree(filepath.Join(dir, userlandFile), t)
		})
	})
}

// join makes one archive of the halves and PID 1. The halves have no trailer,
// so that the result is one archive, as any tool reads it.
func (s *Store) join(dir string, r *recipe, kernelPath, userlandPath string) error {
	if err := linkOrCopy(filepath.Join(kernelPath, kernelFile), filepath.Join(dir, kernelFile)); err != nil {
		return err
	}
	root, err := os.Create(filepath.Join(dir, rootFile))
	if err != nil {
		return err
	}
	defer root.Close()
	var written int64
	for _, half := range []string{filepath.Join(userlandPath, userlandFile), filepath.Join(kernelPath, modulesFile)} {
		n, err := appendFile(root, half)
		written += n
		if err != nil {
			return err
		}
	}
	t := &newc.Tree{}
	t.File("init", 0o755, s.options.Init)
	n, err := t.WriteTo(root)
	if err != nil {
		return err
	}
	if err := newc.Close(root, written+n); err != nil {
		return err
	}
	if err := errors.Join(root.Sync(), root.Close()); err != nil {
		return err
	}
	release, err := os.ReadFile(filepath.Join(kernelPath, releaseFile))
	if err != nil {
		return err
	}
	return newManifest(r, string(release)).write(dir)
}
