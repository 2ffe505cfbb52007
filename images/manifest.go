package images

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

const manifestFile = "image.json"

// manifest describes a cached image. It is written last, and its own time tells
// when the image was last used.
type manifest struct {
	Release  string    `json:"release"`
	Userland string    `json:"userland"`
	Built    time.Time `json:"built"`
	Kernel   stamp     `json:"kernel"`
	Root     stamp     `json:"root"`
	Disk     *stamp    `json:"disk,omitempty"`
	// Halves and Packages are what of the cache the image was made of, so that
	// pruning knows what is still needed.
	Halves   []string `json:"halves"`
	Packages []string `json:"packages"`

	used time.Time // The manifest file's own time.
}

// digest identifies the bytes of kernel, root and disk together.
func (m *manifest) digest() string {
	return digestOf([]byte(m.Kernel.SHA256 + m.Root.SHA256 + m.disk()))
}

// disk is the digest of the disk, or empty where there is none.
func (m *manifest) disk() string {
	if m.Disk == nil {
		return ""
	}
	return m.Disk.SHA256
}

// holds reports whether the folder's files are still what was built.
func (m *manifest) holds(dir string) bool {
	return m.Kernel.holds(filepath.Join(dir, kernelFile)) && m.Root.holds(filepath.Join(dir, rootFile)) &&
		(m.Disk == nil || m.Disk.holds(filepath.Join(dir, diskFile)))
}

// stamp is a file's digest, and the size and time at which it was taken. While
// those hold the digest does: hashing 60 MB at each start would take longer
// than everything else that a cached image needs.
type stamp struct {
	SHA256  string    `json:"sha256"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mod_time"`
}

func newManifest(r *recipe, release string) *manifest {
	m := &manifest{
		Release: release, Userland: r.image.Userland, Built: time.Now().UTC(),
		Halves: []string{r.kernel.key, r.userland.key},
	}
	if r.added.key != "" {
		m.Halves, m.Disk = append(m.Halves, r.added.key), &stamp{}
	}
	for _, half := range []ingredients{r.kernel, r.userland, r.added} {
		for _, p := range half.packages {
			m.Packages = append(m.Packages, p.SHA256)
		}
	}
	return m
}

// write stamps the folder's files and writes the manifest there.
func (m *manifest) write(dir string) error {
	files := map[string]*stamp{kernelFile: &m.Kernel, rootFile: &m.Root}
	if m.Disk != nil {
		files[diskFile] = m.Disk
	}
	for name, to := range files {
		var err error
		if *to, err = takeStamp(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	return renameio.WriteFile(filepath.Join(dir, manifestFile), append(text, '\n'), 0o644)
}

// readManifest reads the manifest of a cached image.
func readManifest(dir string) (*manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return nil, err
	}
	m := &manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("read %q: %w", filepath.Join(dir, manifestFile), err)
	}
	return m, nil
}

// cached returns the manifest of a cached image, or nil where there is none. An
// image whose files are not what they were is removed.
func (s *Store) cached(key string) (*manifest, error) {
	dir := s.path(imageDir, key)
	m, err := readManifest(dir)
	if errors.Is(err, os.ErrNotExist) {
		_, statErr := os.Stat(dir)
		if os.IsNotExist(statErr) {
			return nil, nil
		}
	}
	if err != nil || !m.holds(dir) {
		s.options.Progress.Note(fmt.Sprintf("the cached image %s is damaged: making it again", key[:12]))
		return nil, s.discard(m, dir)
	}
	now := time.Now()
	// Only pruning reads it, and a cache that cannot be written still serves.
	_ = os.Chtimes(filepath.Join(dir, manifestFile), now, now)
	return m, nil
}

// discard removes a damaged image, and the halves that it was joined from:
// the kernel's file is the same one.
func (s *Store) discard(m *manifest, dir string) error {
	err := os.RemoveAll(dir)
	if m == nil {
		return err
	}
	for _, half := range m.Halves {
		err = errors.Join(err, os.RemoveAll(s.path(kernelDir, half)), os.RemoveAll(s.path(userlandDir, half)), os.RemoveAll(s.path(diskDir, half)))
	}
	return err
}

func takeStamp(name string) (stamp, error) {
	file, err := os.Open(name)
	if err != nil {
		return stamp{}, err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return stamp{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return stamp{}, err
	}
	return stamp{SHA256: hex.EncodeToString(hash.Sum(nil)), Size: info.Size(), ModTime: info.ModTime().UTC()}, nil
}

// holds reports whether a file is still the one of the stamp.
func (s stamp) holds(name string) bool {
	info, err := os.Stat(name)
	if err != nil || info.Size() != s.Size {
		return false
	}
	if info.ModTime().Equal(s.ModTime) {
		return true
	}
	now, err := takeStamp(name)
	return err == nil && now.SHA256 == s.SHA256
}
