package images

import (
	"fmt"

	"github.com/testbed-lab/testbed/images/archive"
)

// builder identifies what, beside packages, decides a root's bytes.
func (s *Store) builder() string { return builderVersion + "+" + s.initDigest[:16] }

// pin records in the lock what an image came to. Where the lock says that the
// same builder made other bytes of the same packages, something is wrong: with
// the cache, or with the promise that builds are reproducible.
func (s *Store) pin(r *recipe, m *manifest, lock *Lock) error {
	if p := r.pinned; p != nil && r.own == nil && p.Builder == s.builder() &&
		(p.RootSHA256 != m.Root.SHA256 || p.KernelSHA256 != m.Kernel.SHA256 || optional(p.DiskSHA256) != m.disk()) {
		return fmt.Errorf("the lock %q pins kernel %.12s, root %.12s and disk %.12s, but the same packages gave %.12s, %.12s and %.12s: "+
			"`testbed images prune` and build again, or renew the lock with `testbed images update`",
			lock.path, p.KernelSHA256, p.RootSHA256, optional(p.DiskSHA256), m.Kernel.SHA256, m.Root.SHA256, m.disk())
	}
	var asked *[]string
	if len(r.image.Packages) > 0 {
		asked = &r.image.Packages
	}
	lock.setImage(lockedImage{
		Name:          r.image.Name,
		Release:       present(r.image.Release),
		KernelVersion: present(r.image.KernelVersion),
		Kernel:        present(r.image.Kernel),
		Modules:       present(r.image.Modules),
		Tree:          present(r.image.Tree),
		Deb:           present(r.image.Deb),
		Userland:      r.image.Userland,
		Asked:         asked,
		Suite:         unlessSaid(r.suite, r.image.Release),
		KernelRelease: m.Release,
		KernelSHA256:  m.Kernel.SHA256,
		RootSHA256:    m.Root.SHA256,
		DiskSHA256:    present(m.disk()),
		Builder:       s.builder(),
		Expired:       present(r.kernel.expired),
		Packages:      lockPackages(r.kernel.packages),
		Added:         lockPackages(r.added.packages),
	})
	return nil
}

// unlessSaid is nil for what the lab says itself.
func unlessSaid(found, said string) *string {
	if said != "" {
		return nil
	}
	return present(found)
}

// built is the answer to the caller: what was just pinned.
func (s *Store) built(key string, lock *Lock, name, userland string) *Built {
	locked, _ := lock.image(name)
	tools, _ := lock.userland(userland)
	return locked.built(s.path(imageDir, key), tools)
}

func describe(packages []archive.Package) []string {
	var all []string
	for _, p := range packages {
		all = append(all, p.Name+" "+p.Version)
	}
	return all
}
