package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/provision/hold"
)

// ownerFolder is where the labs of an owner are.
type ownerFolder struct{ root, owner string }

func (f ownerFolder) path() string { return filepath.Join(f.root, f.owner) }

func (f ownerFolder) lab(name string) labFolder { return labFolder(filepath.Join(f.path(), name)) }

func (f ownerFolder) lockPath(lab string) string { return string(f.lab(lab)) + ".lock" }

// labName is what can be a lab: a name from the command line becomes a path.
var labName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// labs lists the names of labs, of what is left of some, and of locks.
func (f ownerFolder) labs() ([]string, error) {
	entries, err := os.ReadDir(f.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("list local labs: %w", err)
	}
	var names []string
	seen := map[string]bool{}
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".lock")
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, nil
}

// prune removes the folders above a lab's, as far as they are empty.
func (f ownerFolder) prune() {
	for _, dir := range []string{f.path(), f.root, filepath.Dir(f.root)} {
		if os.Remove(dir) != nil {
			return
		}
	}
}

// labFolder is a lab's tmpfs, or the place for one.
type labFolder string

// The marks, each in the folder of what it describes. A mark is written last
// and removed first: what has none was never finished.
const (
	labMarkFile = "lab.json"
	markFile    = "mark.json"
)

// labMark is what a lab says of itself.
type labMark struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Owner  string `json:"owner"`
	Source string `json:"source"`
	Maker  string `json:"maker"` // See hold.Process.
	Kept   bool   `json:"kept"`  // It outlives its maker.
}

// alive says whether the lab is no garbage.
func (m labMark) alive() bool { return m.Kept || hold.ParseProcess(m.Maker).Alive() }

// machineMark is what a machine was made from.
type machineMark struct {
	Digest   string   `json:"digest"`
	CPUs     []int    `json:"cpus"`
	Networks []string `json:"networks"`
	Ready    bool     `json:"ready"` // It has all its devices and addresses.
}

// networkMark is what a network was made from.
type networkMark struct {
	Digest string `json:"digest"`
	Kind   string `json:"kind"`
}

func (l labFolder) in(parts ...string) string {
	return filepath.Join(append([]string{string(l)}, parts...)...)
}

func (l labFolder) machine(name string) string { return l.in("machines", name) }
func (l labFolder) network(name string) string { return l.in("networks", name) }

func (l labFolder) mark() (m labMark, err error) { return m, read(l.in(labMarkFile), &m) }

// write puts a mark at a path in the lab, whole or not at all.
func (l labFolder) write(path string, mark any) error {
	text, err := json.Marshal(mark)
	if err != nil {
		return fmt.Errorf("encode a mark: %w", err)
	}
	if err := renameio.WriteFile(l.in(path), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write a mark: %w", err)
	}
	return nil
}

func read(path string, mark any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read a mark: %w", err)
	}
	if err := json.Unmarshal(text, mark); err != nil {
		return fmt.Errorf("read mark %q: %w", path, err)
	}
	return nil
}

// create mounts the lab's tmpfs. It is private, so that what is mounted in it
// stays out of other mount namespaces, and may hold programs, which /run may not.
func (l labFolder) create() error {
	if err := os.MkdirAll(string(l), 0o755); err != nil {
		return fmt.Errorf("make the lab's folder: %w", err)
	}
	if err := unix.Mount("testbed", string(l), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=256m"); err != nil {
		return explain(fmt.Errorf("mount a tmpfs at %q: %w", string(l), err))
	}
	if err := unix.Mount("", string(l), "", unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mount at %q private: %w", string(l), err)
	}
	for _, dir := range []string{"machines", "networks"} {
		if err := os.Mkdir(l.in(dir), 0o755); err != nil {
			return fmt.Errorf("make the lab's folder: %w", err)
		}
	}
	return nil
}

// remove unmounts the lab with all that is mounted in it, and its folder.
func (l labFolder) remove() error {
	if err := unmount(string(l)); err != nil {
		return err
	}
	if err := os.RemoveAll(string(l)); err != nil {
		return fmt.Errorf("remove the lab's folder: %w", err)
	}
	return nil
}

// unmount takes away all that is mounted at a path, which may be nothing.
func unmount(path string) error {
	for {
		err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		switch {
		case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT):
			return nil
		case err != nil:
			return fmt.Errorf("unmount %q: %w", path, err)
		}
	}
}
