package images

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/testbed-lab/testbed/images/deb"
	"github.com/testbed-lab/testbed/images/newc"
)

// libraryDirs are where Debian's loader looks, without a cache or a RUNPATH.
var libraryDirs = []string{"usr/lib/x86_64-linux-gnu", "usr/lib", "usr/lib64"}

// unpacked is what of some packages may be needed: programs, shared libraries,
// and links between them.
type unpacked struct {
	files map[string][]byte
	links map[string]string // Target resolved against the root.
}

// unpack reads the packages' programs and libraries.
func unpack(debs []string) (*unpacked, error) {
	u := &unpacked{files: map[string][]byte{}, links: map[string]string{}}
	for _, name := range debs {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open package: %w", err)
		}
		err = deb.Walk(file, u.take)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("unpack package %q: %w", name, err)
		}
	}
	return u, nil
}

func (u *unpacked) take(h *tar.Header, content io.Reader) error {
	dir := path.Dir(h.Name)
	isProgram := dir == "usr/bin" || dir == "usr/sbin"
	isLibrary := strings.HasPrefix(h.Name, "usr/lib") && strings.Contains(path.Base(h.Name), ".so")
	isDistribution := dir == "usr/lib/tc" // netem's delay tables.
	if !isProgram && !isLibrary && !isDistribution {
		return nil
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		u.links[h.Name] = linkTarget(h.Name, h.Linkname)
	case tar.TypeLink:
		u.links[h.Name] = deb.Merge(h.Linkname)
	case tar.TypeReg:
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		u.files[h.Name] = data
	}
	return nil
}

func linkTarget(name, target string) string {
	if path.IsAbs(target) {
		return deb.Merge(target)
	}
	return deb.Merge(path.Join(path.Dir(name), target))
}

// find follows links to a file, and returns its own name and content.
func (u *unpacked) find(name string) (string, []byte, bool) {
	for range 8 { // More links than any package chains.
		if data, ok := u.files[name]; ok {
			return name, data, true
		}
		target, ok := u.links[name]
		if !ok {
			break
		}
		name = target
	}
	return "", nil, false
}

// program finds a program in the folders of merged systems.
func (u *unpacked) program(name string) (string, []byte, bool) {
	for _, dir := range []string{"usr/bin", "usr/sbin"} {
		if file, data, ok := u.find(dir + "/" + name); ok {
			return file, data, true
		}
	}
	return "", nil, false
}

// addWithLibraries adds an ELF file and all the libraries that it loads.
func (u *unpacked) addWithLibraries(t *newc.Tree, name string, data []byte) error {
	if t.Has(name) {
		return nil
	}
	t.File(name, 0o755, data)
	needed, err := neededBy(data)
	if err != nil {
		return fmt.Errorf("read %q: %w", name, err)
	}
	for _, library := range needed {
		if err := u.addLibrary(t, library); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

func (u *unpacked) addLibrary(t *newc.Tree, library string) error {
	candidates := []string{deb.Merge(library)} // The loader is named by its path.
	if !path.IsAbs(library) {
		candidates = nil
		for _, dir := range libraryDirs {
			candidates = append(candidates, dir+"/"+library)
		}
	}
	for _, candidate := range candidates {
		file, data, ok := u.find(candidate)
		if !ok {
			continue
		}
		if file != candidate {
			t.Symlink(candidate, "/"+file)
		}
		return u.addWithLibraries(t, file, data)
	}
	return fmt.Errorf("no package has the shared library %q", library)
}

// neededBy lists what a program needs to start: its loader and DT_NEEDED.
func neededBy(data []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	needed, err := file.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, p := range file.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		loader, err := io.ReadAll(p.Open())
		if err != nil {
			return nil, err
		}
		needed = append(needed, strings.TrimRight(string(loader), "\x00"))
	}
	return needed, nil
}

var appletName = regexp.MustCompile(`^[a-z0-9_\[][a-z0-9_.\[-]*$`)

// applets reads busybox's own table of names, which is one string after the
// other in the order of the alphabet, from "[" on. Running the program to ask
// would run a download on the host.
func applets(busybox []byte) ([]string, error) {
	start := bytes.Index(busybox, []byte("[\x00[[\x00"))
	if start < 0 {
		return nil, errors.New("find table of applets in busybox: not there")
	}
	var names []string
	for field := range bytes.SplitSeq(busybox[start:], []byte{0}) {
		if !appletName.Match(field) {
			break
		}
		names = append(names, string(field))
	}
	if len(names) < 50 {
		return nil, fmt.Errorf("find table of applets in busybox: only %d names", len(names))
	}
	return names, nil
}
