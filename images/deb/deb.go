// Package deb reads Debian's formats: binary packages (deb(5)), control
// stanzas (deb-control(5)) and version numbers (deb-version(7)). It fetches
// nothing, verifies nothing and runs no maintainer script. Invariant: paths it
// hands out are clean, relative, and merged under usr/ as on any Debian since 12.
package deb

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Walk calls visit for each entry of a package's file tree, in the package's
// order. Entry names are clean and merged under usr/ (see [Merge]).
func Walk(r io.Reader, visit func(h *tar.Header, content io.Reader) error) error {
	name, member, err := arMember(r, "data.tar")
	if err != nil {
		return err
	}
	plain, err := Decompress(name, member)
	if err != nil {
		return fmt.Errorf("decompress %q: %w", name, err)
	}
	defer plain.Close()
	files := tar.NewReader(plain)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %q: %w", name, err)
		}
		h.Name = Merge(h.Name)
		if err := visit(h, files); err != nil {
			return err
		}
	}
}

// Control reads a package's own control stanza.
func Control(r io.Reader) (Stanza, error) {
	name, member, err := arMember(r, "control.tar")
	if err != nil {
		return nil, err
	}
	plain, err := Decompress(name, member)
	if err != nil {
		return nil, fmt.Errorf("decompress %q: %w", name, err)
	}
	defer plain.Close()
	files := tar.NewReader(plain)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%q has no file control", name)
		}
		if err != nil {
			return nil, fmt.Errorf("read %q: %w", name, err)
		}
		if path.Clean(h.Name) == "control" {
			return First(files)
		}
	}
}

// Source is the name and version of the source package that a binary package was
// built from: of the same name or version where the stanza does not say another
// (deb-control(5), field Source).
func (s Stanza) Source() (name, version string) {
	name, rest, _ := strings.Cut(s["Source"], " ")
	if version = strings.Trim(rest, "() "); version == "" {
		version = s["Version"]
	}
	if name == "" {
		name = s["Package"]
	}
	return name, version
}

// Merge cleans a package's path and moves it under usr/ where a merged system
// has it: packages before trixie still ship /bin, /sbin and /lib.
func Merge(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "bin", "sbin", "lib", "lib64":
		return "usr/" + name
	}
	return name
}

// Decompress reads what a file's name says it is: .xz, .zst, .gz or plain.
func Decompress(name string, r io.Reader) (io.ReadCloser, error) {
	switch path.Ext(name) {
	case ".xz":
		x, err := xz.NewReader(bufio.NewReaderSize(r, 1<<16))
		return io.NopCloser(x), err
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case ".gz":
		return gzip.NewReader(r)
	}
	return io.NopCloser(r), nil
}
