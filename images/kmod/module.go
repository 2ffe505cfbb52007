// Package kmod picks kernel modules out of a kernel's module folder, with all
// they depend on, and writes the index that modprobe reads. It does what
// depmod does, from the modules' own .modinfo, because Debian's packages ship
// no modules.dep and a build must not depend on the host's kmod. It loads
// nothing. Invariant: a module is picked only with everything it needs.
package kmod

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/images/deb"
)

// Module is one kernel module, decompressed, and what its .modinfo says.
type Module struct {
	Name    string // As the kernel knows it, with underscores.
	Path    string // In the module folder, ending in ".ko".
	Data    []byte
	Depends []string // Names of the modules whose symbols it uses.
	Soft    []string // Names or aliases to load before it where they exist.
	Aliases []string
	Release string // uname -r of the kernel that it was built for.
}

// IsModule reports whether a path names a kernel module, compressed or not.
func IsModule(name string) bool { return plainPath(name) != "" }

// plainPath is the path without what tells its compression, or "".
func plainPath(name string) string {
	for _, ext := range []string{"", ".xz", ".zst", ".gz"} {
		if plain, ok := strings.CutSuffix(name, ext); ok && path.Ext(plain) == ".ko" {
			return plain
		}
	}
	return ""
}

// nameOf is the name under which the kernel knows a module's file.
func nameOf(plain string) string {
	return canonical(strings.TrimSuffix(path.Base(plain), ".ko"))
}

// canonical writes a module's name as the kernel does: "-" and "_" are the same.
func canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }

// parse decompresses a module's file and reads its .modinfo.
func parse(name string, raw []byte) (*Module, error) {
	r, err := deb.Decompress(name, bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("decompress module %q: %w", name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("decompress module %q: %w", name, err)
	}
	m := &Module{Path: plainPath(name), Data: data}
	m.Name = nameOf(m.Path)
	if err := m.readInfo(); err != nil {
		return nil, fmt.Errorf("read module %q: %w", name, err)
	}
	return m, nil
}

// readInfo reads .modinfo, a list of key=value strings that modpost wrote.
func (m *Module) readInfo() error {
	file, err := elf.NewFile(bytes.NewReader(m.Data))
	if err != nil {
		return err
	}
	section := file.Section(".modinfo")
	if section == nil {
		return errors.New("no .modinfo section")
	}
	info, err := section.Data()
	if err != nil {
		return err
	}
	for field := range bytes.SplitSeq(info, []byte{0}) {
		key, value, ok := strings.Cut(string(field), "=")
		if ok {
			m.setInfo(key, value)
		}
	}
	return nil
}

func (m *Module) setInfo(key, value string) {
	switch key {
	case "depends":
		for name := range strings.SplitSeq(value, ",") {
			if name != "" {
				m.Depends = append(m.Depends, canonical(name))
			}
		}
	case "alias":
		m.Aliases = append(m.Aliases, value)
	case "vermagic":
		m.Release, _, _ = strings.Cut(value, " ")
	case "softdep":
		words := strings.Fields(value)
		if i := slices.Index(words, "post:"); i >= 0 {
			words = words[:i]
		}
		if len(words) > 0 && words[0] == "pre:" {
			m.Soft = append(m.Soft, words[1:]...)
		}
	}
}
