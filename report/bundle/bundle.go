// Package bundle packs a result's files into one archive that proves to be whole, and
// unpacks it again: a tar compressed with Zstandard, whose first entry is a manifest
// with the size and the SHA-256 of every other one.
//
// It knows files and nothing of what is in them. One invariant: the same files make
// the same bytes, and an archive that is damaged, or that reaches outside of its
// folder, leaves nothing behind.
package bundle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Schema is the format of the manifest that this version writes and reads.
const Schema = "testbed.bundle/v1"

// ManifestFile is the first entry of every bundle.
const ManifestFile = "manifest.json"

// Limits of what is read, far above what a lab makes: an archive that says more is
// hostile or broken.
const (
	maxManifest = 16 << 20
	maxFiles    = 100_000
	maxTotal    = 8 << 30
)

// Manifest lists what a bundle holds.
type Manifest struct {
	Schema  string    `json:"schema"`
	Testbed string    `json:"testbed"` // Version of the program that packed it.
	Made    time.Time `json:"made"`    // When the result was measured.
	Files   []Entry   `json:"files"`   // By path.
}

// Entry is a file of the bundle.
type Entry struct {
	Path   string `json:"path"` // With slashes, below the bundle's folder.
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // Hexadecimal.
}

// File is what is to be packed: bytes, or a file to be read.
type File struct {
	Path string // In the bundle.
	Data []byte
	From string // A file's name, in place of Data.
}

func (f File) open() (io.ReadCloser, error) {
	if f.From == "" {
		return io.NopCloser(bytes.NewReader(f.Data)), nil
	}
	return os.Open(f.From)
}

func (f File) entry() (Entry, error) {
	in, err := f.open()
	if err != nil {
		return Entry{}, err
	}
	defer in.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, in)
	return Entry{Path: f.Path, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// Write packs files. The manifest's list is made of them.
func Write(w io.Writer, m Manifest, files []File) error {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	m.Schema, m.Files = Schema, []Entry{}
	for i, f := range files {
		if why := unsafe(f.Path); why != "" {
			return fmt.Errorf("pack %q: %s", f.Path, why)
		}
		if i > 0 && files[i-1].Path == f.Path {
			return fmt.Errorf("pack %q: it is there twice", f.Path)
		}
		entry, err := f.entry()
		if err != nil {
			return fmt.Errorf("pack %q: %w", f.Path, err)
		}
		m.Files = append(m.Files, entry)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	packed, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return err
	}
	archive := tar.NewWriter(packed)
	entries := append([]Entry{{Path: ManifestFile, Bytes: int64(len(text)) + 1}}, m.Files...)
	for i, f := range append([]File{{Path: ManifestFile, Data: append(text, '\n')}}, files...) {
		if err := pack(archive, f, entries[i], m.Made); err != nil {
			return fmt.Errorf("pack %q: %w", f.Path, err)
		}
	}
	return errors.Join(archive.Close(), packed.Close())
}

func pack(archive *tar.Writer, f File, entry Entry, made time.Time) error {
	err := archive.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: entry.Path, Size: entry.Bytes, Mode: 0o644,
		ModTime: made.UTC().Truncate(time.Second), Format: tar.FormatPAX,
	})
	if err != nil {
		return err
	}
	in, err := f.open()
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := io.Copy(archive, in); err != nil {
		return err
	}
	return archive.Flush()
}

// unsafe says why a path may not be in a bundle.
func unsafe(path string) string {
	switch {
	case !fs.ValidPath(path) || path == ".":
		return "it is no plain path below a folder"
	case strings.ContainsAny(path, "\\\x00"):
		return "it holds a character that no path should"
	case path == ManifestFile:
		return "the manifest's own name"
	}
	return ""
}

// Read unpacks a bundle into a folder that does not exist, and verifies every byte. After
// an error there is no such folder.
func Read(r io.Reader, dir string) (m Manifest, err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return m, fmt.Errorf("unpack: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("unpack: %w", err), os.RemoveAll(dir))
		}
	}()
	packed, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(256<<20))
	if err != nil {
		return m, err
	}
	defer packed.Close()
	archive := tar.NewReader(packed)
	if m, err = readManifest(archive); err != nil {
		return m, err
	}
	root, err := os.OpenRoot(dir) // Which no path leaves, whatever it holds.
	if err != nil {
		return m, err
	}
	defer root.Close()
	for _, entry := range m.Files {
		if err := unpack(archive, root, entry); err != nil {
			return m, fmt.Errorf("%q: %w", entry.Path, err)
		}
	}
	switch header, err := archive.Next(); {
	case err == nil:
		return m, fmt.Errorf("%q is not in the manifest", header.Name)
	case !errors.Is(err, io.EOF):
		return m, truncated(err)
	}
	return m, nil
}

func readManifest(archive *tar.Reader) (m Manifest, err error) {
	header, err := archive.Next()
	if err != nil {
		return m, fmt.Errorf("this is no bundle: %w", truncated(err))
	}
	if header.Name != ManifestFile || header.Typeflag != tar.TypeReg {
		return m, fmt.Errorf("this is no bundle: it begins with %q, not with %s", header.Name, ManifestFile)
	}
	if header.Size > maxManifest {
		return m, fmt.Errorf("the manifest says it has %d bytes; at most %d are read", header.Size, maxManifest)
	}
	if err := json.NewDecoder(archive).Decode(&m); err != nil {
		return m, fmt.Errorf("read the manifest: %w", truncated(err))
	}
	if m.Schema != Schema {
		return m, fmt.Errorf("its schema is %q; this version reads %q: take the testbed that made it, version %s", m.Schema, Schema, m.Testbed)
	}
	return m, m.check()
}

// check refuses what no packer writes.
func (m Manifest) check() error {
	var total int64
	seen := map[string]bool{}
	if len(m.Files) > maxFiles {
		return fmt.Errorf("the manifest lists %d files; at most %d are read", len(m.Files), maxFiles)
	}
	for _, entry := range m.Files {
		if why := unsafe(entry.Path); why != "" {
			return fmt.Errorf("the manifest lists %q: %s", entry.Path, why)
		}
		if seen[entry.Path] {
			return fmt.Errorf("the manifest lists %q twice", entry.Path)
		}
		seen[entry.Path] = true
		if entry.Bytes < 0 || entry.Bytes > maxTotal-total {
			return fmt.Errorf("the manifest says more than %d bytes", int64(maxTotal))
		}
		total += entry.Bytes
	}
	return nil
}

func unpack(archive *tar.Reader, root *os.Root, entry Entry) error {
	header, err := archive.Next()
	if err != nil {
		return truncated(err)
	}
	switch {
	case header.Name != entry.Path:
		return fmt.Errorf("in its place is %q", header.Name)
	case header.Typeflag != tar.TypeReg:
		return errors.New("it is no regular file")
	case header.Size != entry.Bytes:
		return fmt.Errorf("it has %d bytes, and the manifest says %d", header.Size, entry.Bytes)
	}
	if folder := filepath.Dir(entry.Path); folder != "." {
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	out, err := root.OpenFile(entry.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), archive)
	if err := errors.Join(err, out.Close()); err != nil {
		return truncated(err)
	}
	if found := hex.EncodeToString(sum.Sum(nil)); found != entry.SHA256 {
		return fmt.Errorf("its SHA-256 is %s, and the manifest says %s: it was changed or damaged", found, entry.SHA256)
	}
	return nil
}

// truncated says what an early end means.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it ends too early, so it was cut short: %w", err)
	}
	return err
}
