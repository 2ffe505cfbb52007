package images

import (
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/images/deb"
)

// lockedKernels are the kernels that the mirror served between two versions when it was
// asked.
type lockedKernels struct {
	From   string         `hcl:"from,label"`
	To     string         `hcl:"to,label"`
	Suites []string       `hcl:"suites"` // That were asked for; none: all that are looked at.
	Served []lockedServed `hcl:"kernel,block"`
}

type lockedServed struct {
	Version  string          `hcl:"version,label"`
	Suite    string          `hcl:"suite"`
	Release  string          `hcl:"kernel_release"`
	Packages []lockedPackage `hcl:"package,block"`
}

func (k lockedKernels) key() string { return k.From + " " + k.To + " " + strings.Join(k.Suites, " ") }

func lockRange(r KernelRange) lockedKernels {
	return lockedKernels{From: r.From, To: r.To, Suites: append([]string{}, r.Suites...)}
}

// kernels are those that are pinned for a range.
func (l *Lock) kernels(r KernelRange) ([]Served, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := lockRange(r).key()
	l.list(key)
	i := slices.IndexFunc(l.content.Kernels, func(k lockedKernels) bool { return k.key() == key })
	if i < 0 {
		return nil, false
	}
	var all []Served
	for _, one := range l.content.Kernels[i].Served {
		all = append(all, one.unlock())
	}
	return all, true
}

// list takes note of a list that is asked for.
func (l *Lock) list(key string) {
	if l.listed == nil {
		l.listed = map[string]bool{}
	}
	l.listed[key] = true
}

func (k lockedServed) unlock() Served {
	return Served{Upstream: deb.Upstream(k.Version), Release: k.Release, Suite: k.Suite, Version: k.Version, packages: unlockPackages(k.Packages)}
}

// kernel is one that a list pins, by the version of its package.
func (l *Lock) kernel(version string) (Served, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, list := range l.content.Kernels {
		for _, one := range list.Served {
			if one.Version == version {
				return one.unlock(), true
			}
		}
	}
	return Served{}, false
}

func (l *Lock) setKernels(r KernelRange, all []Served) {
	l.mu.Lock()
	defer l.mu.Unlock()
	locked := lockRange(r)
	l.list(locked.key())
	for _, k := range all {
		locked.Served = append(locked.Served, lockedServed{Version: k.Version, Suite: k.Suite, Release: k.Release, Packages: lockPackages(k.packages)})
	}
	l.content.Kernels = slices.DeleteFunc(l.content.Kernels, func(k lockedKernels) bool { return k.key() == locked.key() })
	l.content.Kernels = append(l.content.Kernels, locked)
}
