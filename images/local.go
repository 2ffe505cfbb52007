package images

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/testbed-lab/testbed/images/kmod"
)

// readLocal reads a kernel of the user's own: a bzImage, and the folder that
// `make modules_install` made (none where all is built in).
func readLocal(imagePath, modulesPath string) (*kernel, error) {
	image, err := os.ReadFile(imagePath)
	if err != nil {
		return nil, fmt.Errorf("read kernel: %w", err)
	}
	release, err := bzImageRelease(image)
	if err != nil {
		return nil, fmt.Errorf("read kernel %q: %w", imagePath, err)
	}
	k := &kernel{release: release, image: image, folder: kmod.Folder{Files: map[string][]byte{}}}
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

// localKey identifies a kernel of the user's by its files' names, sizes and
// times, so that an unchanged one is not read again. What is cached under it
// carries digests of the content.
func localKey(imagePath, modulesPath string) (string, error) {
	hash := sha256.New()
	add := func(name string, info fs.FileInfo) error {
		fmt.Fprintf(hash, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		return nil
	}
	info, err := os.Stat(imagePath)
	if err != nil {
		return "", fmt.Errorf("find kernel: %w", err)
	}
	add(imagePath, info)
	if modulesPath != "" {
		if info, err := os.Stat(modulesPath); err != nil || !info.IsDir() {
			return "", fmt.Errorf("find modules: %q is no folder", modulesPath)
		}
		fmt.Fprintln(hash, modulesPath)
		for _, list := range []string{"modules.builtin", "config"} {
			if info, err := os.Stat(filepath.Join(modulesPath, list)); err == nil {
				add(list, info)
			}
		}
		if err := walkModules(modulesPath, add); err != nil {
			return "", fmt.Errorf("list modules: %w", err)
		}
	}
	return strings.ToLower(hex.EncodeToString(hash.Sum(nil))), nil
}
