package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/testbed"
)

// defaultUserland gives every image the same tools, whatever its kernel.
const defaultUserland = "trixie"

// recipe is all that decides what an image will be.
type recipe struct {
	image    testbed.Image
	kernel   ingredients
	userland ingredients
	added    ingredients // The packages that the lab adds; none has no key.
	release  string      // uname -r; of a user's own kernel, known once it was read.
	suite    string      // Of the kernel's packages.
	own      ownKernel   // The user's; nil: Debian's.
	ownKey   string      // What told it from others when it was resolved.
	pinned   *lockedImage
}

// ingredients are the packages of one half of an image.
type ingredients struct {
	key      string // Names the half in the cache.
	packages []archive.Package
	expired  string // When the index had expired, where that was allowed.
}

// resolve finds out what an image is made of: from the lock where it pins it,
// else from the archive, which is then pinned.
func (s *Store) resolve(ctx context.Context, image testbed.Image, lock *Lock) (*recipe, error) {
	s.resolving.Lock()
	defer s.resolving.Unlock()
	if image.Userland == "" {
		image.Userland = defaultUserland
	}
	r := &recipe{image: image, own: ownOf(image)}
	if locked, ok := lock.image(image.Name); ok && !s.options.Update && asked(locked, image) {
		r.pinned = &locked
	}
	if err := s.resolveKernel(ctx, r, lock); err != nil {
		return nil, fmt.Errorf("resolve kernel: %w", err)
	}
	if err := s.resolveUserland(ctx, r, lock); err != nil {
		return nil, fmt.Errorf("resolve user land: %w", err)
	}
	if err := s.resolveAdded(ctx, r); err != nil {
		return nil, fmt.Errorf("resolve packages: %w", err)
	}
	return r, nil
}

// asked reports whether a lock's entry answers what the lab asks for now.
func asked(l lockedImage, image testbed.Image) bool {
	return optional(l.Release) == image.Release && optional(l.KernelVersion) == image.KernelVersion &&
		optional(l.Kernel) == image.Kernel && optional(l.Modules) == image.Modules &&
		optional(l.Tree) == image.Tree && optional(l.Deb) == image.Deb &&
		slices.Equal(namesIn(l.Asked), image.Packages) && (l.Asked == nil || l.Userland == image.Userland) &&
		(l.Expired == nil || image.AllowExpired)
}

func namesIn(names *[]string) []string {
	if names == nil {
		return nil
	}
	return *names
}

func optional(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *Store) resolveKernel(ctx context.Context, r *recipe, lock *Lock) error {
	r.suite = r.image.Release
	switch {
	case r.own != nil:
		var err error
		r.ownKey, err = r.own.key()
		r.kernel.key = cacheKey("kernel", r.ownKey)
		return r.blame(err)
	case r.pinned != nil:
		r.release = r.pinned.KernelRelease
		r.kernel.packages = unlockPackages(r.pinned.Packages)
		r.kernel.expired = optional(r.pinned.Expired)
		r.suite = firstOf(r.suite, optional(r.pinned.Suite))
	case r.image.Release == "":
		found, err := s.findKernel(ctx, r.image, lock)
		if err != nil {
			return err
		}
		r.release, r.suite, r.kernel.packages = found.Release, found.Suite, found.packages
	default:
		index, err := s.index(ctx, r.image, r.image.Release)
		if err != nil {
			return err
		}
		r.kernel.expired = index.Expired
		r.release, r.kernel.packages, err = resolveKernel(index, r.image.KernelVersion)
		if err != nil {
			return err
		}
	}
	r.kernel.key = cacheKey("kernel", r.release, digests(r.kernel.packages))
	return nil
}

// findKernel looks for a kernel in all suites: that which a list has pinned, or else the
// newest that the version means.
func (s *Store) findKernel(ctx context.Context, image testbed.Image, lock *Lock) (Served, error) {
	if pinned, ok := lock.kernel(image.KernelVersion); ok && !s.options.Update {
		return pinned, nil
	}
	all, err := s.served(ctx, image, nil)
	if err != nil {
		return Served{}, err
	}
	for _, k := range slices.Backward(all) {
		if k.is(image.KernelVersion) {
			return k, nil
		}
	}
	return Served{}, unserved(all, image.KernelVersion)
}

func (s *Store) resolveUserland(ctx context.Context, r *recipe, lock *Lock) error {
	suite := r.image.Userland
	locked, ok := lock.userland(suite)
	if ok && !s.options.Update && (locked.Expired == nil || r.image.AllowExpired) {
		r.userland.packages = unlockPackages(locked.Packages)
		r.userland.expired = optional(locked.Expired)
	} else {
		index, err := s.index(ctx, r.image, suite)
		if err != nil {
			return err
		}
		r.userland.expired = index.Expired
		if r.userland.packages, err = resolveUserland(index); err != nil {
			return err
		}
		lock.setUserland(lockedUserland{
			Suite: suite, Packages: lockPackages(r.userland.packages), Expired: present(index.Expired),
		})
	}
	r.userland.key = cacheKey("userland", suite, digests(r.userland.packages))
	return nil
}

// resolveAdded takes the added packages from the suite of the tools, whose
// libraries they share.
func (s *Store) resolveAdded(ctx context.Context, r *recipe) error {
	if len(r.image.Packages) == 0 {
		return nil
	}
	if r.pinned != nil {
		r.added.packages = unlockPackages(r.pinned.Added)
	} else {
		index, err := s.index(ctx, r.image, r.image.Userland)
		if err != nil {
			return err
		}
		r.added.expired = index.Expired
		if r.added.packages, err = resolvePackages(index, r.image.Packages); err != nil {
			return err
		}
	}
	r.added.key = cacheKey("disk", digests(r.added.packages))
	return nil
}

// present is nil for an attribute that need not be written.
func present(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// index fetches the list of packages of a suite, once.
func (s *Store) index(ctx context.Context, image testbed.Image, suite string) (*archive.Index, error) {
	a, err := s.archive(image)
	if err != nil {
		return nil, err
	}
	key := a.Mirror + " " + suite
	if index, ok := s.indexes[key]; ok && (index.Expired == "" || image.AllowExpired) {
		return index, nil
	}
	index, err := a.Index(ctx, suite, image.AllowExpired)
	if err != nil {
		return nil, err
	}
	if index.Expired != "" {
		s.options.Progress.Note(fmt.Sprintf("image %s: the index of %s expired on %s; allow_expired accepts it", image.Name, suite, index.Expired))
	}
	s.indexes[key] = index
	return index, nil
}

// archive is the mirror to use for an image: its own, the lab's, the
// environment's, or the machine's.
func (s *Store) archive(image testbed.Image) (*archive.Archive, error) {
	mirror := firstOf(image.Mirror, s.options.Mirror, s.options.getenv(MirrorVariable))
	if mirror == "" {
		var err error
		if mirror, err = archive.FromApt(s.options.aptDir); err != nil {
			return nil, fmt.Errorf("find Debian mirror: %w", err)
		}
	}
	if mirror == "" {
		return nil, fmt.Errorf("find Debian mirror: apt's configuration in %s names none: set mirror = \"http://…/debian\" in the lab or on its image, or the environment variable %s", s.options.aptDir, MirrorVariable)
	}
	return archive.Open(mirror, s.path(archiveDir), s.options.keys, s.options.Progress), nil
}

func firstOf(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// GoneError says which packages neither the mirror nor the cache has any more.
type GoneError struct {
	Packages []string // Name and version.
	Err      error    // What the mirror answered to the first.
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("the mirror has no more, and the cache neither: %s (%v); `testbed images update` renews the lock", strings.Join(e.Packages, ", "), e.Err)
}

// Unwrap is what the mirror answered.
func (e *GoneError) Unwrap() error { return e.Err }

// fetch returns the local files of packages.
func (s *Store) fetch(ctx context.Context, r *recipe, packages []archive.Package) ([]string, error) {
	a := archive.Cached(s.path(archiveDir))
	var files []string
	var gone *GoneError
	for _, p := range packages {
		if !a.Has(p.Digest) && a.Mirror == "" {
			var err error
			if a, err = s.archive(r.image); err != nil {
				return nil, err
			}
		}
		file, err := a.Fetch(ctx, p)
		var status *archive.StatusError
		if errors.As(err, &status) && status.Status == http.StatusNotFound {
			if gone == nil {
				gone = &GoneError{Err: err}
			}
			gone.Packages = append(gone.Packages, p.Name+" "+p.Version)
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	if gone != nil {
		return nil, gone
	}
	return files, nil
}

// cacheKey names something by all that decides what it is.
func cacheKey(kind string, parts ...string) string {
	return digestOf([]byte(kind + " " + builderVersion + "\n" + strings.Join(parts, "\n")))
}

func digests(packages []archive.Package) string {
	var all []string
	for _, p := range packages {
		all = append(all, p.SHA256)
	}
	return strings.Join(all, " ")
}
