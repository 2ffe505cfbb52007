package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/erofs/go-erofs"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/images/deb"
)

// unwantedDirs hold what nobody reads in a guest: a third of some packages.
var unwantedDirs = []string{
	"usr/share/bash-completion", "usr/share/doc", "usr/share/doc-base", "usr/share/fish", "usr/share/info",
	"usr/share/lintian", "usr/share/locale", "usr/share/man", "usr/share/zsh",
}

// makeDisk fills a folder with the read-only file system of the added packages:
// their files as they are packed. Maintainer scripts are not run, so there are no
// users, alternatives or services but those that a package has as files.
func (s *Store) makeDisk(ctx context.Context, r *recipe) (string, error) {
	return s.once(ctx, diskDir, r.added.key, func(dir string) error {
		debs, err := s.fetch(ctx, r, r.added.packages)
		if err != nil {
			return err
		}
		return s.options.Progress.Do("unpack packages of "+r.image.Name, func() error {
			return writeDisk(filepath.Join(dir, diskFile), r.added.packages, debs)
		})
	})
}

// writeDisk writes an EROFS image, uncompressed, so that its bytes depend on
// nothing but the packages' and the kernel pays nothing to read it.
func writeDisk(name string, packages []archive.Package, debs []string) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	d := disk{image: erofs.Create(file, erofs.WithBuildTime(0, 0), erofs.WithTempDir(filepath.Dir(name))), owners: map[string]string{}}
	for i, p := range packages {
		if err := d.add(p.Name, debs[i]); err != nil {
			return fmt.Errorf("unpack package %q: %w", p.Name, err)
		}
	}
	return errors.Join(d.image.Close(), file.Sync(), file.Close())
}

// disk is a file system in the making.
type disk struct {
	image  *erofs.Writer
	owners map[string]string // Package by path; of a folder, the first that has it.
}

func (d *disk) add(pkg, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return deb.Walk(file, func(h *tar.Header, content io.Reader) error {
		unwanted := slices.ContainsFunc(unwantedDirs, func(dir string) bool { return h.Name == dir || strings.HasPrefix(h.Name, dir+"/") })
		if h.Name == "" || unwanted {
			return nil
		}
		return d.entry(pkg, h, content)
	})
}

// entry adds one file. Packages share folders and nothing else.
func (d *disk) entry(pkg string, h *tar.Header, content io.Reader) error {
	owner, there := d.owners[h.Name]
	if there && h.Typeflag == tar.TypeDir {
		return nil
	}
	if there {
		return fmt.Errorf("package %q has %q as well: these two cannot be installed together", owner, h.Name)
	}
	d.owners[h.Name] = pkg
	if err := d.create(h, content); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink {
		return nil
	}
	return errors.Join(
		d.image.Chmod(h.Name, h.FileInfo().Mode()&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)),
		d.image.Chown(h.Name, h.Uid, h.Gid),
		d.image.Chtimes(h.Name, h.ModTime, h.ModTime),
	)
}

func (d *disk) create(h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeDir:
		if _, err := d.image.Stat(h.Name); err == nil {
			return nil // Made for a file of another package, which did not list it.
		}
		return d.image.Mkdir(h.Name, 0o755)
	case tar.TypeSymlink:
		return d.image.Symlink(h.Linkname, h.Name)
	case tar.TypeLink: // The writer has no hard links; nobody can tell on a read-only disk.
		return d.image.Symlink("/"+deb.Merge(h.Linkname), h.Name)
	case tar.TypeReg:
		file, err := d.image.Create(h.Name)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	}
	return fmt.Errorf("%q is neither file, folder nor link", h.Name)
}
