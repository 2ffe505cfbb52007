package images

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Entry is one image in the cache.
type Entry struct {
	Key      string // Names it in the cache.
	Digest   string // As [Built.Digest].
	Release  string // uname -r of its kernel.
	Userland string // Debian suite of its tools.
	Kernel   string // Local path.
	Root     string // Local path.
	Size     int64  // Bytes of kernel, root and disk.
	Built    time.Time
	Used     time.Time // When a build last asked for it.
}

// List lists the cached images, the last used one first.
func (s *Store) List() ([]Entry, error) {
	all, err := s.manifests()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for key, m := range all {
		size := m.Kernel.Size + m.Root.Size
		if m.Disk != nil {
			size += m.Disk.Size
		}
		entries = append(entries, Entry{
			Key:     key,
			Digest:  m.digest(),
			Release: m.Release, Userland: m.Userland,
			Kernel: s.path(imageDir, key, kernelFile), Root: s.path(imageDir, key, rootFile),
			Size:  size,
			Built: m.Built, Used: m.used,
		})
	}
	slices.SortFunc(entries, func(a, b Entry) int { return b.Used.Compare(a.Used) })
	return entries, nil
}

// manifests reads the manifests of all cached images, by key. What is not whole
// is not listed; pruning removes it.
func (s *Store) manifests() (map[string]*manifest, error) {
	dirs, err := os.ReadDir(s.path(imageDir))
	if err != nil {
		return nil, fmt.Errorf("list cached images: %w", err)
	}
	all := map[string]*manifest{}
	for _, d := range dirs {
		dir := s.path(imageDir, d.Name())
		m, err := readManifest(dir)
		if err != nil {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, manifestFile))
		if err != nil {
			continue
		}
		m.used = info.ModTime()
		all[d.Name()] = m
	}
	return all, nil
}
