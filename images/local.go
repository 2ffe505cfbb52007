package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/testbed-lab/testbed/images/kmod"
)

// kernelFiles are a bzImage, and the folder that `make modules_install` made
// (none where all is built in).
type kernelFiles struct{ image, modules string }

func (f kernelFiles) read(context.Context, string) (*kernel, error) {
	return readLocal(f.image, f.modules)
}

func readLocal(imagePath, modulesPath string) (*kernel, error) {
	image, err := os.ReadFile(imagePath)
	if err != nil {
		return nil, fmt.Errorf("read kernel: %w", err)
	}
	release, err := bzImageRelease(image)
	if err != nil {
		return nil, fmt.Errorf("read kernel %q: %w", imagePath, err)
	}
	k := newKernel(release)
	k.image = image
	if modulesPath == "" {
		return k, nil
	}
	if err := k.readFolder(modulesPath); err != nil {
		return nil, fmt.Errorf("read modules %q: %w", modulesPath, err)
	}
	if len(k.folder.Files) == 0 && k.folder.Builtin == nil {
		return nil, fmt.Errorf("read modules %q: no kernel modules there: name the folder lib/modules/%s that `make modules_install` made", modulesPath, release)
	}
	return k, nil
}

func (k *kernel) readFolder(root string) error {
	for name, to := range map[string]*[]byte{
		"modules.builtin": &k.folder.Builtin, "modules.builtin.modinfo": &k.folder.BuiltinInfo, "config": &k.config,
	} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		if err == nil {
			*to = data
		}
	}
	return walkModules(root, func(name string, _ fs.FileInfo) error {
		data, err := os.ReadFile(filepath.Join(root, name))
		k.folder.Files[name] = data
		return err
	})
}

// walkModules calls visit for each module below root, with its path there. The
// links build and source, which lead to a whole kernel tree, are not followed.
func walkModules(root string, visit func(name string, info fs.FileInfo) error) error {
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !kmod.IsModule(file) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(name), info)
	})
}

// key is made of the files' names, sizes and times, so that an unchanged kernel
// is not read again.
func (f kernelFiles) key() (string, error) {
	seen := newStamps()
	if err := seen.file(f.image); err != nil {
		return "", fmt.Errorf("find kernel: %w", err)
	}
	if f.modules != "" {
		if info, err := os.Stat(f.modules); err != nil || !info.IsDir() {
			return "", fmt.Errorf("find modules: %q is no folder", f.modules)
		}
		fmt.Fprintln(seen, f.modules)
		for _, list := range []string{"modules.builtin", "config"} {
			if info, err := os.Stat(filepath.Join(f.modules, list)); err == nil {
				seen.add(list, info)
			}
		}
		if err := walkModules(f.modules, seen.add); err != nil {
			return "", fmt.Errorf("list modules: %w", err)
		}
	}
	return seen.sum(), nil
}

// stamps is a digest of what was seen of files without reading them.
type stamps struct{ hash.Hash }

func newStamps() stamps { return stamps{sha256.New()} }

func (s stamps) add(name string, info fs.FileInfo) error {
	_, err := fmt.Fprintf(s, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
	return err
}

// file adds a file by its path.
func (s stamps) file(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return s.add(path, info)
}

func (s stamps) sum() string { return hex.EncodeToString(s.Sum(nil)) }
