// Package newc writes initramfs archives in the "newc" cpio format that the
// Linux kernel unpacks (Documentation/driver-api/early-userspace/buffer-format).
// It writes device nodes, which general cpio packages cannot, and it reads
// nothing. Invariant: the same tree gives the same bytes, whoever builds it and
// whenever, since order, times, owners and inode numbers are all fixed.
package newc

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Bits of an inode's mode that say what it is (inode(7)).
const (
	typeDir     = 0o040000
	typeFile    = 0o100000
	typeSymlink = 0o120000
	typeChar    = 0o020000
)

// Align is what an archive is padded to, so that another can follow it: the
// kernel asks for 4 bytes, cpio(1) for a block of 512.
const Align = 512

type entry struct {
	mode         uint32
	data         []byte
	major, minor uint32
}

// Tree is a file tree to be archived. Paths have no leading slash. Folders
// above an entry come by themselves.
type Tree struct {
	entries map[string]entry
}

// File adds a regular file.
func (t *Tree) File(name string, perm fs.FileMode, data []byte) {
	t.add(name, entry{mode: typeFile | uint32(perm.Perm()), data: data})
}

// Symlink adds a symbolic link to target.
func (t *Tree) Symlink(name, target string) {
	t.add(name, entry{mode: typeSymlink | 0o777, data: []byte(target)})
}

// Dir adds a folder.
func (t *Tree) Dir(name string, perm fs.FileMode) {
	mode := uint32(perm.Perm())
	if perm&fs.ModeSticky != 0 {
		mode |= 0o1000
	}
	t.add(name, entry{mode: typeDir | mode})
}

// CharDevice adds a character device node.
func (t *Tree) CharDevice(name string, perm fs.FileMode, major, minor uint32) {
	t.add(name, entry{mode: typeChar | uint32(perm.Perm()), major: major, minor: minor})
}

// Has reports whether the tree has an entry of that name.
func (t *Tree) Has(name string) bool {
	_, ok := t.entries[name]
	return ok
}

func (t *Tree) add(name string, e entry) {
	if t.entries == nil {
		t.entries = map[string]entry{}
	}
	name = path.Clean(strings.TrimPrefix(name, "/"))
	t.entries[name] = e
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := t.entries[dir]; ok {
			break
		}
		t.entries[dir] = entry{mode: typeDir | 0o755}
	}
}

// WriteTo writes the entries in the order of their names, with no trailer, so
// that several trees make one archive; [Close] ends it.
func (t *Tree) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for _, name := range slices.Sorted(maps.Keys(t.entries)) {
		n, err := writeEntry(w, name, t.entries[name])
		total += n
		if err != nil {
			return total, fmt.Errorf("write %q to archive: %w", name, err)
		}
	}
	return total, nil
}

// Close ends an archive of which written bytes exist, and pads it to [Align].
func Close(w io.Writer, written int64) error {
	n, err := writeEntry(w, "TRAILER!!!", entry{})
	if err != nil {
		return fmt.Errorf("end archive: %w", err)
	}
	if _, err := w.Write(make([]byte, padding(written+n, Align))); err != nil {
		return fmt.Errorf("pad archive: %w", err)
	}
	return nil
}

// writeEntry leaves the inode number 0: the kernel looks at it only to join
// hard links, and every entry here has one link.
func writeEntry(w io.Writer, name string, e entry) (int64, error) {
	const headerSize = 110
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		0, e.mode, 0, 0, 1, 0, len(e.data), 0, 0, e.major, e.minor, len(name)+1, 0, name)
	header += strings.Repeat("\x00", int(padding(int64(headerSize+len(name)+1), 4)))
	var total int64
	for _, part := range [][]byte{[]byte(header), e.data, make([]byte, padding(int64(len(e.data)), 4))} {
		n, err := w.Write(part)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func padding(n, align int64) int64 { return (align - n%align) % align }
