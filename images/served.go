package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/images/deb"
	"github.com/testbed-lab/testbed/testbed"
)

// KernelSuites are where kernels are looked for unless suites are named. Nothing may
// depend on sid or forky, whose index is past its Valid-Until on many mirrors.
var KernelSuites = []string{"bookworm", "bookworm-backports", "trixie", "trixie-backports"}

// Served is a cloud kernel that the mirror has.
type Served struct {
	Upstream string // The version that kernel.org gave it, such as 6.12.117.
	Release  string // uname -r
	Suite    string
	Version  string // Of its package.

	packages []archive.Package
}

// KernelRange asks for the kernels between two versions, both included. A version is
// that of kernel.org or the beginning of one (6.12 is every 6.12.x), what uname -r says,
// or that of a package.
type KernelRange struct {
	From, To string   // Optional: the oldest and the newest that there are.
	Suites   []string // Default: KernelSuites.
	Mirror   string   // Over the store's. Optional.
}

// Kernels lists the kernels of a range, the oldest first; from the lock where it has
// such a list, which then is the same in every run, else from the archive, and then it is
// pinned. The caller writes the lock, which is optional.
func (s *Store) Kernels(ctx context.Context, r KernelRange, lock *Lock) ([]Served, error) {
	s.resolving.Lock()
	defer s.resolving.Unlock()
	if lock != nil && !s.options.Update {
		if pinned, ok := lock.kernels(r); ok {
			return pinned, nil
		}
	}
	all, err := s.served(ctx, testbed.Image{Name: "kernels", Mirror: r.Mirror}, r.Suites)
	if err != nil {
		return nil, fmt.Errorf("list kernels: %w", err)
	}
	found, err := Between(all, r.From, r.To)
	if err != nil {
		return nil, err
	}
	if lock != nil {
		lock.setKernels(r, found)
	}
	return found, nil
}

// served are all cloud kernels of suites, the oldest first. A suite that the mirror does
// not have, or whose index has expired, is left out and said; what cannot be reached is
// an error, for a list that lacks something would be pinned.
func (s *Store) served(ctx context.Context, image testbed.Image, suites []string) ([]Served, error) {
	if len(suites) == 0 {
		suites = KernelSuites
	}
	var all []Served
	for _, suite := range suites {
		index, err := s.index(ctx, image, suite)
		var expired *archive.ExpiredError
		var status *archive.StatusError
		if errors.As(err, &expired) || errors.As(err, &status) && status.Status == http.StatusNotFound {
			s.options.Progress.Note(fmt.Sprintf("kernels of %s are left out: %v", suite, err))
			continue
		}
		if err != nil {
			return nil, err
		}
		found, partial := servedIn(index)
		if len(partial) > 0 {
			s.options.Progress.Note(fmt.Sprintf("%s: the mirror lacks a package of %d kernels, %s to %s, which are left out", suite, len(partial), partial[0], partial[len(partial)-1]))
		}
		for _, k := range found {
			if !slices.ContainsFunc(all, func(o Served) bool { return o.Version == k.Version }) {
				all = append(all, k)
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("none of the suites %s can be read on this mirror or has a kernel: name others, or another mirror", strings.Join(suites, ", "))
	}
	slices.SortFunc(all, func(a, b Served) int { return deb.CompareVersions(a.Version, b.Version) })
	return all, nil
}

// servedIn are the cloud kernels of one suite, and the versions of those that a package
// is missing of: backports forget the parts of older kernels one by one.
func servedIn(x *archive.Index) (all []Served, partial []string) {
	for name, versions := range x.Packages {
		if !isKernelImage(name) || !strings.HasSuffix(name, "-"+flavour) {
			continue
		}
		for _, image := range versions {
			release, packages, err := kernelParts(x, image)
			if err != nil {
				partial = append(partial, image.Version)
				continue
			}
			all = append(all, Served{Upstream: deb.Upstream(image.Version), Release: release, Suite: x.Suite, Version: image.Version, packages: packages})
		}
	}
	slices.SortFunc(partial, deb.CompareVersions)
	return all, partial
}

// is says whether a version, as [KernelRange] takes them, means this kernel.
func (k Served) is(version string) bool {
	return version == k.Version || version == k.Upstream || strings.HasPrefix(k.Upstream, version+".") ||
		version == k.Release || version+"-"+flavour == k.Release
}

// OrderError says that a range begins after its end.
type OrderError struct{ From, To string }

func (e *OrderError) Error() string {
	return fmt.Sprintf("kernel %s is newer than %s: name the older one first", e.From, e.To)
}

// Between cuts a range out of a list as [Store.Kernels] gives it.
func Between(all []Served, from, to string) ([]Served, error) {
	first, last := 0, len(all)-1
	if from != "" {
		first = slices.IndexFunc(all, func(k Served) bool { return k.is(from) })
		if first < 0 {
			return nil, unserved(all, from)
		}
	}
	if to != "" {
		for last >= 0 && !all[last].is(to) {
			last--
		}
		if last < 0 {
			return nil, unserved(all, to)
		}
	}
	if first > last {
		return nil, &OrderError{From: from, To: to}
	}
	return all[first : last+1], nil
}

// unserved says which kernels there are beside one that is asked for in vain.
func unserved(all []Served, version string) error {
	i := slices.IndexFunc(all, func(k Served) bool { return deb.CompareVersions(k.Version, version) > 0 })
	near := "the newest is " + all[len(all)-1].Version
	switch {
	case i == 0:
		near = "the oldest is " + all[0].Version
	case i > 0:
		near = "the nearest are " + all[i-1].Version + " and " + all[i].Version
	}
	return fmt.Errorf("the mirror serves no kernel %s; %s (testbed kernel list)", version, near)
}
