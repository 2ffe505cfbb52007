package hcl

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// loader turns a source into a lab: what is the same in all cells first, then
// each cell.
type loader struct {
	source     *source
	lab        *testbed.Lab
	backend    string          // In place of the file's. Optional.
	waits      bool            // Options.Waits.
	all        []testbed.Image // Declared, by the file's order.
	boots      int
	seeds      int
	predicates [][]testbed.Predicate
	used       map[string]bool // Images that a cell uses.
	kernel     ref             // The image of the first VM, where all run one kernel.
}

func (l *loader) head() {
	l.boots, l.seeds = 1, 1
	l.lab.Source = absolute(l.source.path)
	blocks := l.source.of(labBlock)
	if len(blocks) == 0 {
		return
	}
	scope := newScope(l.source, nil)
	l.lab.Void = voidRules(scope, blocks[0])
	f := scope.fields(blocks[0], nil)
	l.lab.Name = blocks[0].label
	l.lab.Description = get[string](f, "description")
	l.lab.Seed = int64(get[int](f, "seed"))
	l.lab.Backend = cmp.Or(l.backend, get[string](f, "backend"))
	l.lab.Connect = get[string](f, "connect")
	l.lab.Mirror = get[string](f, "mirror")
	l.boots, l.seeds = get[int](f, "boots"), get[int](f, "seeds")
	l.existing(f)
	l.bootable(f)
}

// images decodes all images; those that no cell uses are checked too.
func (l *loader) images() {
	scope := newScope(l.source, nil)
	names := map[string]*blockSource{}
	for _, b := range l.source.of(imageBlock) {
		instances, _ := scope.instances(b)
		for _, i := range instances {
			if l.source.taken(names, b, i) {
				continue
			}
			l.all = append(l.all, l.image(scope.fields(b, i.names), i.name))
		}
	}
}

// taken reports an instance with the name of another block's.
func (s *source) taken(names map[string]*blockSource, b *blockSource, i instance) bool {
	other := names[i.name]
	if other == nil {
		names[i.name] = b
		return false
	}
	s.out.errorf(b.labelAt(), "Duplicate name", "%s is called %q in results, and so is another, of %s %q at line %d.", i.code, i.name, other.spec.name, other.label, other.at().Start.Line)
	return true
}

func (l *loader) image(f fields, name string) testbed.Image {
	l.checkImage(f)
	return testbed.Image{
		Name:          name,
		Release:       get[string](f, "release"),
		KernelVersion: get[string](f, "kernel_version"),
		Kernel:        l.path(f, "kernel", false),
		Modules:       l.path(f, "modules", true),
		Tree:          l.path(f, "tree", true),
		Deb:           l.path(f, "deb", false),
		Userland:      get[string](f, "userland"),
		Cmdline:       get[string](f, "cmdline"),
		Mirror:        get[string](f, "mirror"),
		AllowExpired:  get[bool](f, "allow_expired"),
		Packages:      get[[]string](f, "packages"),
	}
}

// packageName is Debian's (Policy, section 5.6.1).
var packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)

func (l *loader) checkImage(f fields) {
	var sources []string
	// A version alone is looked for in all releases.
	alone := f.set("kernel_version") && !f.set("release") && f.ok("release")
	if alone {
		sources = append(sources, "kernel_version")
	}
	for _, name := range []string{"release", "kernel", "tree", "deb"} {
		if f.set(name) || !f.ok(name) {
			sources = append(sources, name)
		}
	}
	if len(sources) == 0 {
		f.reject("release", "No kernel", "An image needs a kernel: release = \"trixie\" for Debian's, or kernel = \"./bzImage\" for one of your own (or tree, or deb).")
	}
	if len(sources) > 1 {
		f.reject(sources[1], "Two kernels", "An image has one kernel, and this has %s.", enumerate(sources, "and"))
	}
	if alone && get[string](f, "kernel_version") == "" {
		f.reject("kernel_version", "No kernel", "kernel_version is empty. It is a kernel's version, such as \"6.12\" or a package's.")
	}
	for i, name := range get[[]string](f, "packages") {
		if !packageName.MatchString(name) {
			f.reject("packages", "Bad package", "%q is no name of a Debian package. It is as apt shows it, such as \"podman\", without a version.", name)
		}
		if slices.Contains(get[[]string](f, "packages")[:i], name) {
			f.reject("packages", "Bad package", "%q is in the list twice.", name)
		}
	}
	if f.set("modules") && !slices.Contains(sources, "kernel") {
		f.reject("modules", "No kernel", "modules belong to kernel = \"./bzImage\", and there is none. A tree and a package bring their own.")
	}
	if filepath.Ext(get[string](f, "kernel")) == ".deb" {
		f.reject("kernel", "Not a bzImage", "%q is a package: write deb = in place of kernel =.", get[string](f, "kernel"))
	}
	if strings.ContainsAny(get[string](f, "cmdline"), "\n\r\x00") {
		f.reject("cmdline", "Bad cmdline", "A kernel's command line is one line.")
	}
}

// path makes a path absolute, from the folder of the lab file, and sees that it
// is there.
func (l *loader) path(f fields, name string, folder bool) string {
	if !f.set(name) {
		return ""
	}
	path := l.fromLab(get[string](f, name))
	info, err := os.Stat(path)
	switch {
	case get[string](f, name) == "":
		f.reject(name, "No such file", "%q is empty.", name)
	case err != nil:
		f.reject(name, "No such file", "There is no %s. Paths are relative to the folder of the lab file.", path)
	case folder && !info.IsDir():
		f.reject(name, "Not a folder", "%s is a file, and %s is a folder.", path, name)
	case !folder && !info.Mode().IsRegular():
		f.reject(name, "Not a file", "%s is not a file, and %s is one.", path, name)
	}
	return absolute(path)
}

// fromLab is a path as seen from where testbed was called.
func (l *loader) fromLab(written string) string {
	if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(written, "~/") {
		return filepath.Join(home, written[2:])
	}
	if filepath.IsAbs(written) {
		return written
	}
	return filepath.Join(filepath.Dir(l.source.path), written)
}
