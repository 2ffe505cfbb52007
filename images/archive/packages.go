package archive

import (
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/images/deb"
)

// Package is one binary package of a suite.
type Package struct {
	Name     string
	Version  string
	Section  string
	Depends  string // Pre-Depends and Depends, as written.
	Provides string // As written.
	Path     string // Below the mirror's address.
	Digest
}

// Index is what a suite's Packages file lists: every version of every package.
type Index struct {
	Suite    string
	Packages map[string][]Package // By name.
	// Expired is when the index expired, where that was allowed; else "".
	Expired string
}

// readIndex reads a decompressed Packages file.
func readIndex(r io.Reader) (map[string][]Package, error) {
	all := map[string][]Package{}
	err := deb.Stanzas(r, func(s deb.Stanza) error {
		p, err := readPackage(s)
		if err != nil {
			return fmt.Errorf("package %q: %w", s["Package"], err)
		}
		all[p.Name] = append(all[p.Name], p)
		return nil
	})
	return all, err
}

func readPackage(s deb.Stanza) (Package, error) {
	size, err := strconv.ParseInt(s["Size"], 10, 64)
	if err != nil {
		return Package{}, fmt.Errorf("read Size: %w", err)
	}
	p := Package{
		Name:     s["Package"],
		Version:  s["Version"],
		Section:  s["Section"],
		Depends:  strings.Trim(s["Pre-Depends"]+", "+s["Depends"], ", "),
		Provides: s["Provides"],
		Path:     s["Filename"],
		Digest:   Digest{Size: size, SHA256: s["SHA256"]},
	}
	return p, p.Validate()
}

// Validate refuses what would not stay inside the cache or below the mirror.
func (p Package) Validate() error {
	if !isDigest(p.SHA256) {
		return fmt.Errorf("bad SHA-256 %q", p.SHA256)
	}
	if p.Path == "" || path.IsAbs(p.Path) || path.Clean(p.Path) != p.Path || strings.HasPrefix(p.Path, "..") {
		return fmt.Errorf("bad file name %q", p.Path)
	}
	return nil
}

// Newest returns the package's newest version.
func (x *Index) Newest(name string) (Package, bool) {
	var newest Package
	for _, p := range x.Packages[name] {
		if newest.Name == "" || deb.CompareVersions(p.Version, newest.Version) > 0 {
			newest = p
		}
	}
	return newest, newest.Name != ""
}

// Exactly returns the package in that version, or the newest where version is "".
func (x *Index) Exactly(name, version string) (Package, bool) {
	if version == "" {
		return x.Newest(name)
	}
	for _, p := range x.Packages[name] {
		if p.Version == version {
			return p, true
		}
	}
	return Package{}, false
}
