package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/images/deb"
	"github.com/testbed-lab/testbed/images/kmod"
)

// kernelPackage is a Debian package of the user's that holds a kernel and its
// modules, as the linux-image-* of `make bindeb-pkg` does.
type kernelPackage struct{ path string }

// key is made of the file's name, size and time, so that an unchanged one is not
// unpacked again.
func (p kernelPackage) key() (string, error) {
	seen := newStamps()
	if err := seen.file(p.path); err != nil {
		return "", fmt.Errorf("find kernel's package: %w", err)
	}
	return seen.sum(), nil
}

func (p kernelPackage) read(context.Context, string) (*kernel, error) {
	k, err := p.unpack()
	if err != nil {
		return nil, fmt.Errorf("read kernel's package %q: %w", p.path, err)
	}
	return k, nil
}

func (p kernelPackage) unpack() (*kernel, error) {
	release, err := p.release()
	if err != nil {
		return nil, err
	}
	k, err := unpackKernel(release, []string{p.path})
	if err != nil {
		return nil, err
	}
	inImage, err := bzImageRelease(k.image)
	if err != nil {
		return nil, fmt.Errorf("vmlinuz of %s: %w (guests are amd64)", release, err)
	}
	if inImage != release {
		return nil, fmt.Errorf("its kernel calls itself %s, and its files are of %s", inImage, release)
	}
	if len(k.folder.Files) > 0 || k.folder.Builtin != nil {
		return k, nil
	}
	others, err := p.moduleFolders()
	if err == nil && len(others) > 0 {
		err = fmt.Errorf("its kernel is %s, and its modules are of %s: build kernel and modules together", release, strings.Join(others, ", "))
	}
	return k, err
}

// errFound ends a walk.
var errFound = errors.New("found")

// release is that of the first kernel in the package.
func (p kernelPackage) release() (release string, err error) {
	err = p.walk(func(name string) error {
		if rest, ok := strings.CutPrefix(name, "boot/vmlinuz-"); ok {
			release = rest
			return errFound
		}
		if folder, rest := cutModule(name); rest == "vmlinuz" {
			release = folder
			return errFound
		}
		return nil
	})
	switch {
	case errors.Is(err, errFound):
		return release, nil
	case err != nil:
		return "", err
	}
	return "", errors.New("it holds no kernel (boot/vmlinuz-*): of the packages that `make bindeb-pkg` makes it is linux-image-*, neither -dbg nor linux-headers-*; Debian's own, from 7.0 on, are several: write release = in place of deb =")
}

// moduleFolders are the releases that the package has modules of.
func (p kernelPackage) moduleFolders() (all []string, err error) {
	err = p.walk(func(name string) error {
		if folder, rest := cutModule(name); kmod.IsModule(rest) && !slices.Contains(all, folder) {
			all = append(all, folder)
		}
		return nil
	})
	return all, err
}

// cutModule splits a path into the release whose folder it is in, and the rest.
func cutModule(name string) (release, rest string) {
	below, _ := strings.CutPrefix(name, "usr/lib/modules/")
	if below == name {
		return "", ""
	}
	release, rest, _ = strings.Cut(below, "/")
	return release, rest
}

// walk visits the paths of the package's files.
func (p kernelPackage) walk(visit func(name string) error) error {
	file, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer file.Close()
	return deb.Walk(file, func(h *tar.Header, _ io.Reader) error {
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		return visit(h.Name)
	})
}
