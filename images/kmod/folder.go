package kmod

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Folder is a kernel's lib/modules/RELEASE as it was shipped: modules in any
// compression, and lists of what is built in.
type Folder struct {
	// Files are the modules' files by their path in the folder, such as
	// "kernel/drivers/net/veth.ko.xz".
	Files map[string][]byte
	// Builtin is modules.builtin: a path a line. Nil where the folder has none,
	// so that nothing can be said about what is built in.
	Builtin []byte
	// BuiltinInfo is modules.builtin.modinfo. Optional.
	BuiltinInfo []byte
}

// builtinNames are the names of the modules that are part of the kernel.
func (f *Folder) builtinNames() map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(string(f.Builtin)) {
		names[nameOf(strings.TrimSpace(line))] = true
	}
	return names
}

// NotFoundError says that a kernel has a driver neither as a module nor built in.
type NotFoundError struct {
	Module   string
	Config   string // The kernel option that gives it. May be empty.
	NeededBy string // The module that depends on it, or empty.
}

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("the kernel has no module %q", e.Module)
	if e.NeededBy != "" {
		return text + fmt.Sprintf(", which %q needs", e.NeededBy)
	}
	if e.Config != "" {
		text += fmt.Sprintf(" and does not have it built in (%s)", e.Config)
	}
	return text
}

// Set is the modules that were picked.
type Set struct {
	folder  *Folder
	builtin map[string]bool
	byName  map[string]string // Name to file, of all modules in the folder.
	picked  map[string]*Module
}

// Pick takes the modules whose path in the folder want accepts, and all that
// they depend on.
func Pick(f *Folder, want func(plain string) bool) (*Set, error) {
	s := &Set{folder: f, builtin: f.builtinNames(), byName: map[string]string{}, picked: map[string]*Module{}}
	for file := range f.Files {
		s.byName[nameOf(plainPath(file))] = file
	}
	for _, file := range slices.Sorted(maps.Keys(f.Files)) {
		plain := plainPath(file)
		if !want(plain) {
			continue
		}
		if err := s.add(nameOf(plain), ""); err != nil {
			return nil, err
		}
	}
	return s, s.addSoft()
}

// add picks a module and what it depends on.
func (s *Set) add(name, neededBy string) error {
	if s.picked[name] != nil || s.builtin[name] {
		return nil
	}
	file, ok := s.byName[name]
	if !ok {
		return &NotFoundError{Module: name, NeededBy: neededBy}
	}
	m, err := parse(file, s.folder.Files[file])
	if err != nil {
		return err
	}
	s.picked[name] = m
	for _, dependency := range m.Depends {
		if err := s.add(dependency, name); err != nil {
			return err
		}
	}
	return nil
}

// addSoft picks what picked modules would like to be loaded before them, by
// name. It repeats until nothing new comes.
func (s *Set) addSoft() error {
	for grown := true; grown; {
		grown = false
		for _, m := range s.Modules() {
			for _, soft := range m.Soft {
				name := canonical(soft)
				if s.byName[name] == "" || s.picked[name] != nil {
					continue
				}
				grown = true
				if err := s.add(name, m.Name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Modules are the picked modules by path.
func (s *Set) Modules() []*Module {
	var all []*Module
	for _, m := range s.picked {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *Module) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// Driver is a module that a guest cannot start without.
type Driver struct {
	Module string
	Config string // The kernel option that gives it.
	// Optional marks one whose absence only slows the guest.
	Optional bool
}

// LoadOrder returns the paths of the drivers' modules and of all they depend
// on, dependencies first. Drivers that are built in need no loading; one that
// the kernel lacks is a [*NotFoundError].
func (s *Set) LoadOrder(drivers []Driver) ([]string, error) {
	var order []string
	for _, d := range drivers {
		name := canonical(d.Module)
		switch {
		case s.picked[name] != nil:
			for _, m := range s.closure(name) {
				if !slices.Contains(order, m.Path) {
					order = append(order, m.Path)
				}
			}
		case s.builtin[name], d.Optional, s.folder.Builtin == nil:
		default:
			return nil, &NotFoundError{Module: d.Module, Config: d.Config}
		}
	}
	return order, nil
}

// closure is a module and all it depends on, dependencies first.
func (s *Set) closure(name string) []*Module {
	var order []*Module
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		m := s.picked[name]
		if m == nil || seen[name] {
			return
		}
		seen[name] = true
		for _, dependency := range m.Depends {
			visit(dependency)
		}
		order = append(order, m)
	}
	visit(name)
	return order
}
