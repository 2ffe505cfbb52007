package images

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/testbed-lab/testbed/images/flock"
)

// Prune removes from the cache the images that no build has asked for within
// unused (0: all of them), and then what no remaining image was made of:
// unpacked kernels and tools, packages, lists of packages, unfinished files. It
// waits for builds to end. It returns how many images went, and how many bytes
// of disk that freed.
func (s *Store) Prune(ctx context.Context, unused time.Duration) (removed int, freed int64, err error) {
	unlock, err := flock.Lock(ctx, s.path(lockDir, "store"))
	if err != nil {
		return 0, 0, fmt.Errorf("prune images: %w", err)
	}
	defer unlock()
	before := diskUse(s.options.Cache)
	removed, err = s.prune(time.Now().Add(-unused))
	if err != nil {
		return removed, 0, fmt.Errorf("prune images: %w", err)
	}
	return removed, before - diskUse(s.options.Cache), nil
}

func (s *Store) prune(limit time.Time) (removed int, err error) {
	all, err := s.manifests()
	if err != nil {
		return 0, err
	}
	keep := map[string]map[string]bool{imageDir: {}, kernelDir: {}, userlandDir: {}, diskDir: {}, archiveDir: {}}
	for key, m := range all {
		if m.used.Before(limit) {
			removed++
			continue
		}
		keep[imageDir][key] = true
		for _, half := range m.Halves {
			keep[kernelDir][half], keep[userlandDir][half], keep[diskDir][half] = true, true, true
		}
		for _, p := range m.Packages {
			keep[archiveDir]["sha256-"+p] = true
		}
	}
	for kind, kept := range keep {
		if err := removeOthers(s.path(kind), kept); err != nil {
			return removed, err
		}
	}
	// The store's own lock is held, so nobody holds another; it must stay.
	return removed, removeOthers(s.path(lockDir), map[string]bool{"store": true})
}

func removeOthers(dir string, keep map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if keep[e.Name()] {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// diskUse adds up the blocks of all files; one with two names counts once.
func diskUse(dir string) int64 {
	var total int64
	seen := map[uint64]bool{}
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // What cannot be read is not ours to count.
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if ok && !seen[stat.Ino] {
			seen[stat.Ino] = true
			total += stat.Blocks * 512
		}
		return nil
	})
	return total
}
