package images

import (
	"fmt"
	"slices"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/images/deb"
)

// resolvePackages lists packages and all that they depend on, breadth first:
// what an installation without recommendations would unpack. Essential packages
// are taken to be there, as dpkg takes them: busybox stands for them.
func resolvePackages(x *archive.Index, names []string) ([]archive.Package, error) {
	c := closure{index: x, providers: providers(x), taken: map[string]bool{}}
	for _, name := range names {
		p, ok := x.Newest(name)
		if !ok {
			return nil, fmt.Errorf("the archive's suite %q has no package %q", x.Suite, name)
		}
		c.take(p)
	}
	for i := 0; i < len(c.all); i++ {
		if err := c.takeDependencies(c.all[i]); err != nil {
			return nil, err
		}
	}
	return c.all, nil
}

// closure grows by what its packages depend on.
type closure struct {
	index     *archive.Index
	providers map[string][]string // Names of packages by a name that they provide.
	taken     map[string]bool     // Names of packages, and those that they provide.
	all       []archive.Package
}

func (c *closure) take(p archive.Package) {
	if c.taken[p.Name] {
		return
	}
	c.all = append(c.all, p)
	c.taken[p.Name] = true
	for _, name := range provided(p) {
		c.taken[name] = true
	}
}

func (c *closure) takeDependencies(p archive.Package) error {
	for _, alternatives := range deb.Dependencies(p.Depends) {
		if slices.ContainsFunc(alternatives, func(d deb.Dependency) bool { return c.taken[d.Name] }) {
			continue
		}
		needed, ok := c.choose(alternatives)
		if !ok {
			return fmt.Errorf("package %q needs %q, which the archive's suite %q does not have", p.Name, alternatives[0].Name, c.index.Suite)
		}
		c.take(needed)
	}
	return nil
}

// choose takes the first alternative that exists, as apt does, or else the first
// package by name that provides one.
func (c *closure) choose(alternatives []deb.Dependency) (archive.Package, bool) {
	for _, d := range alternatives {
		if p, ok := c.index.Exactly(d.Name, d.Version); ok {
			return p, true
		}
	}
	for _, d := range alternatives {
		if names := c.providers[d.Name]; len(names) > 0 {
			return c.index.Newest(slices.Min(names))
		}
	}
	return archive.Package{}, false
}

func providers(x *archive.Index) map[string][]string {
	by := map[string][]string{}
	for name := range x.Packages {
		p, _ := x.Newest(name)
		for _, virtual := range provided(p) {
			by[virtual] = append(by[virtual], name)
		}
	}
	return by
}

func provided(p archive.Package) []string {
	var names []string
	for _, alternatives := range deb.Dependencies(p.Provides) {
		names = append(names, alternatives[0].Name)
	}
	return names
}
