package images

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/google/renameio/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsimple"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/testbed"
)

const (
	lockVersion = 1
	lockHeader  = "# What this lab's images were made of. Keep it beside the lab, so that others\n" +
		"# get the same; `testbed images update` renews it.\n\n"
)

// LockPath is where the lock of a lab file lies.
func LockPath(labPath string) string {
	return strings.TrimSuffix(labPath, ".hcl") + ".lock.hcl"
}

// Lock pins what a lab's images are made of. The tools of a user land are
// pinned once for all images that use it: comparing kernels must never change
// the tools. It may be used by several builds at once.
type Lock struct {
	path string
	read []byte // The file as it was read, to know whether to write.

	mu      sync.Mutex
	content lockFile
	listed  map[string]bool // Lists of kernels that were asked for, by key.
}

type lockFile struct {
	Version   int              `hcl:"version"`
	Userlands []lockedUserland `hcl:"userland,block"`
	Kernels   []lockedKernels  `hcl:"kernels,block"`
	Images    []lockedImage    `hcl:"image,block"`
}

type lockedUserland struct {
	Suite    string          `hcl:"suite,label"`
	Expired  *string         `hcl:"expired"` // When the index had expired.
	Packages []lockedPackage `hcl:"package,block"`
}

type lockedImage struct {
	Name string `hcl:"name,label"`
	// What the lab asked for: an entry holds only as long as this does.
	Release       *string   `hcl:"release"`
	KernelVersion *string   `hcl:"kernel_version"`
	Kernel        *string   `hcl:"kernel"`
	Modules       *string   `hcl:"modules"`
	Tree          *string   `hcl:"tree"`
	Deb           *string   `hcl:"deb"`
	Userland      string    `hcl:"userland"`
	Asked         *[]string `hcl:"packages"`
	// What that came to.
	Suite         *string         `hcl:"suite"` // Of the kernel, where the lab names none.
	KernelRelease string          `hcl:"kernel_release"`
	KernelSHA256  string          `hcl:"kernel_sha256"`
	RootSHA256    string          `hcl:"root_sha256"`
	Builder       string          `hcl:"builder"`
	Expired       *string         `hcl:"expired"`     // When the index had expired.
	DiskSHA256    *string         `hcl:"disk_sha256"` // Of the added packages.
	Packages      []lockedPackage `hcl:"package,block"`
	Added         []lockedPackage `hcl:"added,block"`
}

type lockedPackage struct {
	Name    string `hcl:"name,label"`
	Version string `hcl:"version"`
	Size    int64  `hcl:"size"`
	SHA256  string `hcl:"sha256"`
	Path    string `hcl:"path"`
}

// ReadLock reads the lock at path. One that does not exist yet pins nothing.
func ReadLock(path string) (*Lock, error) {
	l := &Lock{path: path, content: lockFile{Version: lockVersion}}
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read lock: %w", err)
	}
	l.content = lockFile{}
	if err := hclsimple.Decode(path, text, nil, &l.content); err != nil {
		return nil, fmt.Errorf("read lock %q (remove it to make a new one): %w", path, err)
	}
	if l.content.Version != lockVersion {
		return nil, fmt.Errorf("read lock %q: its version is %d, and this testbed knows %d", path, l.content.Version, lockVersion)
	}
	if err := l.content.validate(); err != nil {
		return nil, fmt.Errorf("read lock %q: %w", path, err)
	}
	l.read = text
	return l, nil
}

// ForkLock reads the lock at path, or, where there is none yet, what another one pins to
// begin with.
func ForkLock(path, from string) (*Lock, error) {
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		return ReadLock(path)
	}
	l, err := ReadLock(from)
	if err != nil {
		return nil, err
	}
	l.path, l.read = path, nil
	return l, nil
}

// validate checks what will become names of files.
func (f lockFile) validate() error {
	var all []lockedPackage
	for _, u := range f.Userlands {
		all = append(all, u.Packages...)
	}
	for _, i := range f.Images {
		all = append(append(all, i.Packages...), i.Added...)
	}
	for _, k := range f.Kernels {
		for _, served := range k.Served {
			all = append(all, served.Packages...)
		}
	}
	for _, p := range unlockPackages(all) {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("package %q: %w", p.Name, err)
		}
	}
	return nil
}

// Path is where the lock is written.
func (l *Lock) Path() string { return l.path }

// Write writes the lock, all or nothing, where something has changed.
func (l *Lock) Write() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.content.encode()
	if bytes.Equal(text, l.read) {
		return nil
	}
	if err := renameio.WriteFile(l.path, text, 0o644); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	l.read = text
	return nil
}

// Retain forgets images that the lab no longer has, user lands that no image uses, and
// lists of kernels that nobody has asked for.
func (l *Lock) Retain(images []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	used := map[string]bool{}
	l.content.Images = slices.DeleteFunc(l.content.Images, func(i lockedImage) bool {
		keep := slices.Contains(images, i.Name)
		used[i.Userland] = used[i.Userland] || keep
		return !keep
	})
	l.content.Kernels = slices.DeleteFunc(l.content.Kernels, func(k lockedKernels) bool { return !l.listed[k.key()] })
	l.content.Userlands = slices.DeleteFunc(l.content.Userlands, func(u lockedUserland) bool { return !used[u.Suite] })
}

// Unpinned are the images, by name, for which the lock has no answer to what they ask for.
func (l *Lock) Unpinned(all []testbed.Image) (names []string) {
	for _, image := range all {
		if pinned, is := l.image(image.Name); !is || !asked(pinned, image) {
			names = append(names, image.Name)
		}
	}
	return names
}

// encode sorts everything: the order in which images were built says nothing.
func (f lockFile) encode() []byte {
	slices.SortFunc(f.Userlands, func(a, b lockedUserland) int { return strings.Compare(a.Suite, b.Suite) })
	slices.SortFunc(f.Kernels, func(a, b lockedKernels) int { return strings.Compare(a.key(), b.key()) })
	slices.SortFunc(f.Images, func(a, b lockedImage) int { return strings.Compare(a.Name, b.Name) })
	file := hclwrite.NewEmptyFile()
	gohcl.EncodeIntoBody(&f, file.Body())
	return append([]byte(lockHeader), hclwrite.Format(file.Bytes())...)
}

func (l *Lock) userland(suite string) (lockedUserland, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.content.Userlands, func(u lockedUserland) bool { return u.Suite == suite })
	if i < 0 {
		return lockedUserland{}, false
	}
	return l.content.Userlands[i], true
}

func (l *Lock) setUserland(u lockedUserland) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.content.Userlands, func(o lockedUserland) bool { return o.Suite == u.Suite })
	if i < 0 {
		l.content.Userlands = append(l.content.Userlands, u)
		return
	}
	l.content.Userlands[i] = u
}

func (l *Lock) image(name string) (lockedImage, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.content.Images, func(o lockedImage) bool { return o.Name == name })
	if i < 0 {
		return lockedImage{}, false
	}
	return l.content.Images[i], true
}

func (l *Lock) setImage(image lockedImage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.content.Images, func(o lockedImage) bool { return o.Name == image.Name })
	if i < 0 {
		l.content.Images = append(l.content.Images, image)
		return
	}
	l.content.Images[i] = image
}

func lockPackages(packages []archive.Package) []lockedPackage {
	var locked []lockedPackage
	for _, p := range packages {
		locked = append(locked, lockedPackage{Name: p.Name, Version: p.Version, Size: p.Size, SHA256: p.SHA256, Path: p.Path})
	}
	return locked
}

func unlockPackages(locked []lockedPackage) []archive.Package {
	var packages []archive.Package
	for _, p := range locked {
		packages = append(packages, archive.Package{
			Name: p.Name, Version: p.Version, Path: p.Path,
			Digest: archive.Digest{Size: p.Size, SHA256: p.SHA256},
		})
	}
	return packages
}
