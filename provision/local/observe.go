package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// seenLab is a lab as its folder shows it.
type seenLab struct {
	folder   labFolder
	mark     labMark // Zero where there is none.
	there    bool    // There is a folder at all.
	machines map[string]seenMachine
	networks map[string]networkMark // Zero for one that was never finished.
}

type seenMachine struct {
	machineMark
	whole bool // It has a mark and a namespace.
}

func (m seenMachine) state() string {
	switch {
	case !m.whole:
		return "unfinished"
	case !m.Ready:
		return "not started"
	}
	return "running"
}

// observe reads a lab's folder. What is not readable was not finished.
func (f ownerFolder) observe(name string) (seenLab, error) {
	s := seenLab{folder: f.lab(name), machines: map[string]seenMachine{}, networks: map[string]networkMark{}}
	if _, err := os.Stat(string(s.folder)); err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return s, nil
		}
		return s, fmt.Errorf("look at lab %q: %w", name, err)
	}
	s.there = true
	s.mark, _ = s.folder.mark()
	for _, machine := range entries(s.folder.in("machines")) {
		var m seenMachine
		err := read(s.folder.in("machines", machine, markFile), &m.machineMark)
		m.whole = err == nil && isNamespace(s.folder.in("machines", machine, "net"))
		s.machines[machine] = m
	}
	for _, network := range entries(s.folder.in("networks")) {
		var n networkMark
		_ = read(s.folder.in("networks", network, markFile), &n)
		s.networks[network] = n
	}
	return s, nil
}

// alive says whether the lab is one, and no garbage.
func (s seenLab) alive() bool { return s.mark.ID != "" && s.mark.alive() }

func entries(folder string) (names []string) {
	all, _ := os.ReadDir(folder)
	for _, entry := range all {
		names = append(names, entry.Name())
	}
	return names
}

// isNamespace says whether a namespace is mounted at the path.
func isNamespace(path string) bool {
	var s unix.Statfs_t
	return unix.Statfs(path, &s) == nil && s.Type == unix.NSFS_MAGIC
}
