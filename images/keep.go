package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/images/deb"
	"github.com/testbed-lab/testbed/testbed"
)

// KeptDir is the folder of a result or a bundle in which images are kept, each in
// one of its own: packages vanish from mirrors.
const KeptDir = "images"

// sourcesFile says where what is in an image came from.
const sourcesFile = "sources.json"

// KeptFile is one file of a kept image.
type KeptFile struct {
	Path string // With slashes, from the result's folder.
	From string // Local path; empty where there is Data.
	Data []byte
}

// source is a package in an image and the source package that it was built from.
type source struct {
	Part    string `json:"part"` // kernel, userland or added.
	Package string `json:"package"`
	Version string `json:"version"`
	Source  string `json:"source"`
	// SourceVersion differs from Version where a source package is built again.
	SourceVersion string `json:"source_version"`
	// BuiltUsing are further source packages whose parts are in it, as written.
	BuiltUsing string `json:"built_using,omitempty"`
	SHA256     string `json:"sha256"`
	Path       string `json:"path"` // Below a mirror's address.
}

// Keep gives the files of an image that a lock pins, to be kept with a result: kernel,
// root and disk, and which source packages they came from. An image that is not the
// one of the lock, byte by byte, is refused.
func (s *Store) Keep(ctx context.Context, image testbed.Image, lock *Lock) ([]KeptFile, error) {
	files, err := s.keep(ctx, image, lock)
	if err != nil {
		return nil, fmt.Errorf("keep image %q: %w", image.Name, err)
	}
	return files, nil
}

func (s *Store) keep(ctx context.Context, image testbed.Image, lock *Lock) ([]KeptFile, error) {
	locked, ok := lock.image(image.Name)
	if !ok {
		return nil, errors.New("the lock does not have it")
	}
	unlock, err := s.share(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	dir, err := s.locked(ctx, image, lock, locked)
	if err != nil {
		return nil, err
	}
	sources, err := s.sources(ctx, image, lock, locked)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(sources, "", "  ")
	if err != nil {
		return nil, err
	}
	at := path.Join(KeptDir, image.Name)
	files := []KeptFile{
		{Path: path.Join(at, kernelFile), From: filepath.Join(dir, kernelFile)},
		{Path: path.Join(at, rootFile), From: filepath.Join(dir, rootFile)},
		{Path: path.Join(at, sourcesFile), Data: append(text, '\n')},
	}
	if locked.DiskSHA256 != nil {
		files = append(files, KeptFile{Path: path.Join(at, diskFile), From: filepath.Join(dir, diskFile)})
	}
	return files, nil
}

// locked is the folder in the cache with the files that the lock pins, whichever
// builder made them; where there is none the image is built again.
func (s *Store) locked(ctx context.Context, image testbed.Image, lock *Lock, locked lockedImage) (string, error) {
	want := locked.manifest().digest()
	all, err := s.manifests()
	if err != nil {
		return "", err
	}
	for key, m := range all {
		if dir := s.path(imageDir, key); m.digest() == want && m.holds(dir) {
			return dir, nil
		}
	}
	built, err := s.build(ctx, image, lock)
	if err != nil {
		return "", err
	}
	if built.Digest != want {
		return "", errors.New("the cache does not have it any more, and what this testbed builds of the same packages are other bytes: use the testbed that measured it")
	}
	return filepath.Dir(built.Kernel), nil
}

// manifest is what a lock says of an image's files.
func (l lockedImage) manifest() *manifest {
	m := &manifest{Release: l.KernelRelease, Userland: l.Userland, Kernel: stamp{SHA256: l.KernelSHA256}, Root: stamp{SHA256: l.RootSHA256}}
	if l.DiskSHA256 != nil {
		m.Disk = &stamp{SHA256: *l.DiskSHA256}
	}
	return m
}

// sources reads each package's own word on what it was built from.
func (s *Store) sources(ctx context.Context, image testbed.Image, lock *Lock, locked lockedImage) ([]source, error) {
	userland, _ := lock.userland(locked.Userland)
	all := []source{}
	for _, part := range []struct {
		name     string
		packages []archive.Package
	}{{"kernel", unlockPackages(locked.Packages)}, {"userland", unlockPackages(userland.Packages)}, {"added", unlockPackages(locked.Added)}} {
		debs, err := s.fetch(ctx, &recipe{image: image}, part.packages)
		if err != nil {
			return nil, err
		}
		for i, p := range part.packages {
			one, err := sourceOf(p, debs[i])
			if err != nil {
				return nil, fmt.Errorf("read package %q: %w", p.Name, err)
			}
			one.Part = part.name
			all = append(all, one)
		}
	}
	return all, nil
}

func sourceOf(p archive.Package, name string) (source, error) {
	file, err := os.Open(name)
	if err != nil {
		return source{}, err
	}
	defer file.Close()
	control, err := deb.Control(file)
	if err != nil {
		return source{}, err
	}
	one := source{Package: p.Name, Version: p.Version, BuiltUsing: control["Built-Using"], SHA256: p.SHA256, Path: p.Path}
	one.Source, one.SourceVersion = control.Source()
	return one, nil
}
