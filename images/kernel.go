package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/images/deb"
	"github.com/testbed-lab/testbed/images/kmod"
)

const (
	imagePrefix = "linux-image-"
	flavour     = "cloud-amd64"
)

// resolveKernel picks a kernel and lists its packages, the one that the others
// hang on first. An empty version picks the newest cloud kernel.
func resolveKernel(x *archive.Index, version string) (release string, packages []archive.Package, err error) {
	image, err := newestKernel(x)
	if version != "" {
		image, err = exactKernel(x, version)
	}
	if err != nil {
		return "", nil, err
	}
	return kernelParts(x, image)
}

// kernelParts lists the packages of a kernel.
func kernelParts(x *archive.Index, image archive.Package) (release string, packages []archive.Package, err error) {
	release = strings.TrimPrefix(image.Name, imagePrefix)
	packages = []archive.Package{image}
	for _, alternatives := range deb.Dependencies(image.Depends) {
		d := alternatives[0]
		if !isKernelPart(d.Name, release) {
			continue
		}
		part, ok := x.Exactly(d.Name, d.Version)
		if !ok && d.Name == "linux-base-"+release && !strings.Contains(image.Depends, "linux-binary-"+release) {
			continue // The image has all of the kernel, and this holds documentation (6.18).
		}
		if !ok {
			return "", nil, fmt.Errorf("kernel package %q needs %q %s, which the archive's suite %q does not have", image.Name, d.Name, d.Version, x.Suite)
		}
		packages = append(packages, part)
	}
	return release, packages, nil
}

// isKernelPart knows the packages that Debian split kernels into: since 6.18
// linux-base-* holds the configuration; since 6.19 linux-image-* is empty and
// linux-binary-* and linux-modules-* hold kernel and modules.
func isKernelPart(name, release string) bool {
	return slices.Contains([]string{"linux-base-" + release, "linux-binary-" + release, "linux-modules-" + release}, name)
}

// newestKernel follows the metapackage, as an upgrade would.
func newestKernel(x *archive.Index) (archive.Package, error) {
	meta, ok := x.Newest(imagePrefix + flavour)
	if !ok {
		return archive.Package{}, fmt.Errorf("the archive's suite %q has no package %q", x.Suite, imagePrefix+flavour)
	}
	for _, alternatives := range deb.Dependencies(meta.Depends) {
		d := alternatives[0]
		if isKernelImage(d.Name) {
			if image, ok := x.Exactly(d.Name, d.Version); ok {
				return image, nil
			}
		}
	}
	return archive.Package{}, fmt.Errorf("package %q %s of suite %q depends on no kernel that the suite has", meta.Name, meta.Version, x.Suite)
}

// exactKernel finds a cloud kernel by its package's version, or any kernel by
// what uname -r says in it.
func exactKernel(x *archive.Index, version string) (archive.Package, error) {
	if image, ok := x.Newest(imagePrefix + version); ok && isKernelImage(image.Name) {
		return image, nil
	}
	var known []string
	for name, packages := range x.Packages {
		if !isKernelImage(name) || !strings.HasSuffix(name, "-"+flavour) {
			continue
		}
		for _, p := range packages {
			release := strings.TrimPrefix(name, imagePrefix)
			if p.Version == version || release == version+"-"+flavour {
				return p, nil
			}
			known = append(known, fmt.Sprintf("%s (%s)", release, p.Version))
		}
	}
	slices.Sort(known)
	return archive.Package{}, fmt.Errorf("the archive's suite %q has no kernel %q; it has %s", x.Suite, version, strings.Join(known, ", "))
}

// isKernelImage tells a kernel's package from metapackages and debug symbols.
func isKernelImage(name string) bool {
	rest, ok := strings.CutPrefix(name, imagePrefix)
	return ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' &&
		!strings.HasSuffix(name, "-dbg") && !strings.HasSuffix(name, "-unsigned")
}

// kernel is a kernel as it was found, in packages or in files of the user's.
type kernel struct {
	release string // uname -r
	image   []byte // bzImage
	config  []byte // Nil where it is not known.
	folder  kmod.Folder
}

func newKernel(release string) *kernel {
	return &kernel{release: release, folder: kmod.Folder{Files: map[string][]byte{}}}
}

// unpackKernel reads a kernel of either shape from its packages.
func unpackKernel(release string, debs []string) (*kernel, error) {
	k := newKernel(release)
	for _, name := range debs {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open package: %w", err)
		}
		err = deb.Walk(file, k.take)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("unpack package %q: %w", name, err)
		}
	}
	if k.image == nil {
		return nil, errors.New("its packages hold no kernel image")
	}
	return k, nil
}

func (k *kernel) take(h *tar.Header, content io.Reader) error {
	modules := "usr/lib/modules/" + k.release + "/"
	var to *[]byte
	switch h.Name {
	case "boot/vmlinuz-" + k.release, modules + "vmlinuz":
		to = &k.image
	case "boot/config-" + k.release, modules + "config":
		to = &k.config
	case modules + "modules.builtin":
		to = &k.folder.Builtin
	case modules + "modules.builtin.modinfo":
		to = &k.folder.BuiltinInfo
	}
	rest, inFolder := strings.CutPrefix(h.Name, modules)
	isModule := inFolder && kmod.IsModule(rest)
	if h.Typeflag != tar.TypeReg || to == nil && !isModule {
		return nil
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if isModule {
		k.folder.Files[rest] = data
	} else {
		*to = data
	}
	return nil
}
