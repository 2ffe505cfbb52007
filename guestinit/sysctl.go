package guestinit

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sysctlModules are modules that bring the sysctls below a prefix: one that is
// set at boot must not fail because nothing has loaded the module yet.
var sysctlModules = map[string]string{
	"net/bridge/":    "br_netfilter",
	"net/netfilter/": "nf_conntrack",
	"net/mpls/":      "mpls_router",
}

// sysctlRoot is /proc/sys, but in tests.
var sysctlRoot = "/proc/sys"

// setSysctls sets the sysctls of the lab, in the order of their names. One that
// the kernel does not have is an error: a lab that measures its effect must not
// go on without it. load brings a module that has settings of its own.
func setSysctls(settings map[string]string, load func(module string) error) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		path := sysctlPath(name)
		err := writeSysctl(path, settings[name])
		if errors.Is(err, os.ErrNotExist) && loadFor(path, load) {
			err = writeSysctl(path, settings[name])
		}
		switch {
		case errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("set sysctl %q: this kernel has no such setting", name)
		case err != nil:
			return fmt.Errorf("set sysctl %q to %q: %w", name, settings[name], err)
		}
	}
	return nil
}

// sysctlPath turns a name into a path as sysctl(8) does: dots separate, unless
// a slash comes first, where dots are part of a name (eth1.100).
func sysctlPath(name string) string {
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
		return filepath.Clean("/" + name)[1:]
	}
	swapped := strings.NewReplacer(".", "/", "/", ".").Replace(name)
	return filepath.Clean("/" + swapped)[1:]
}

func writeSysctl(path, value string) error {
	file, err := os.OpenFile(filepath.Join(sysctlRoot, path), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value + "\n")
	return errors.Join(err, file.Close())
}

// loadFor loads the module that brings a sysctl, and reports whether it did.
func loadFor(path string, load func(module string) error) bool {
	for prefix, module := range sysctlModules {
		if strings.HasPrefix(path, prefix) {
			return load(module) == nil
		}
	}
	return false
}
