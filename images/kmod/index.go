package kmod

import (
	"fmt"
	"slices"
	"strings"
)

// Index returns the files that modprobe reads, by name, for the picked modules
// alone (modules.dep(5)).
func (s *Set) Index() map[string][]byte {
	var dep, alias, soft strings.Builder
	alias.WriteString("# Aliases extracted from modules themselves.\n")
	soft.WriteString("# Soft dependencies extracted from modules themselves.\n")
	for _, m := range s.Modules() {
		dep.WriteString(s.depLine(m))
		for _, a := range m.Aliases {
			fmt.Fprintf(&alias, "alias %s %s\n", a, m.Name)
		}
		if len(m.Soft) > 0 {
			fmt.Fprintf(&soft, "softdep %s pre: %s\n", m.Name, strings.Join(m.Soft, " "))
		}
	}
	index := map[string][]byte{
		"modules.dep":     []byte(dep.String()),
		"modules.alias":   []byte(alias.String()),
		"modules.softdep": []byte(soft.String()),
		// Busybox's modprobe wants the file to exist; nothing here asks for a
		// module by symbol.
		"modules.symbols": []byte("# Aliases for symbols, used by symbol_request().\n"),
		"modules.builtin": s.folder.Builtin,
	}
	if s.folder.BuiltinInfo != nil {
		index["modules.builtin.modinfo"] = s.folder.BuiltinInfo
	}
	return index
}

// depLine lists a module and all it depends on. As depmod does, dependents
// come before what they need: modprobe loads from the end.
func (s *Set) depLine(m *Module) string {
	var needs []string
	for _, dependency := range s.closure(m.Name) {
		if dependency != m {
			needs = append(needs, " "+dependency.Path)
		}
	}
	slices.Reverse(needs)
	return m.Path + ":" + strings.Join(needs, "") + "\n"
}
