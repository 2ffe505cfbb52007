package matrix

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// Names in a folder.
const (
	identityFolder = "matrix"
	identityFile   = "matrix.json"
	cellsFolder    = "cells"
	cellFile       = "cell.json"
	resultFolder   = "result"
	taskFile       = "task.sh"
	logsFolder     = "logs"
)

// Folder is one that holds cells.
type Folder struct {
	Dir      string // Absolute.
	Identity Identity
}

// Open joins a folder, or makes one. Files, by base name, are kept with the identity of
// whoever is first. A folder of another identity is an [*OtherError].
func Open(dir string, id Identity, files map[string][]byte) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{Dir: dir, Identity: id}
	if err := f.free(); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(f.in(identityFolder)); errors.Is(err, fs.ErrNotExist) {
		if err := f.make(files); err != nil {
			return nil, fmt.Errorf("make the folder of cells: %w", err)
		}
	}
	there, err := Read(dir)
	if err != nil {
		return nil, err
	}
	if what := there.Identity.differs(id); what != "" {
		return nil, &OtherError{dir, what}
	}
	return there, nil
}

// Read opens a folder that exists.
func Read(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{Dir: dir}
	err = readJSON(f.in(identityFolder, identityFile), matrixSchema, &f.Identity)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no cells: %w", dir, err)
	}
	if err == nil && filepath.Base(f.Identity.LabFile) != f.Identity.LabFile {
		err = fmt.Errorf("%s: its lab file is called %q", dir, f.Identity.LabFile)
	}
	return f, err
}

// free refuses a folder that holds something else. Names that begin with a dot are on
// their way to what they will be.
func (f *Folder) free() error {
	entries, err := os.ReadDir(f.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	foreign := ""
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == identityFolder:
			return nil
		case name != cellsFolder && !strings.HasPrefix(name, "."):
			foreign = name
		}
	}
	if foreign != "" {
		return fmt.Errorf("%s is no folder of cells, and not empty: it has %s", f.Dir, foreign)
	}
	return nil
}

// make writes the identity; the first of several machines does.
func (f *Folder) make(files map[string][]byte) error {
	if err := os.MkdirAll(f.in(cellsFolder), 0o755); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(f.Dir, ".matrix-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial) // Gone by its new name where all went well.
	for name, text := range files {
		if err := renameio.WriteFile(filepath.Join(partial, name), text, 0o644); err != nil {
			return err
		}
	}
	if err := writeJSON(filepath.Join(partial, identityFile), f.Identity); err != nil {
		return err
	}
	_, err = settle(partial, f.in(identityFolder))
	return err
}

// settle gives a folder its name, unless another has it.
func settle(partial, final string) (first bool, err error) {
	if err := os.Chmod(partial, 0o755); err != nil {
		return false, err
	}
	err = os.Rename(partial, final)
	if errors.Is(err, fs.ErrExist) { // Also ENOTEMPTY.
		return false, nil
	}
	return err == nil, err
}

// LabPath is the lab file in the folder.
func (f *Folder) LabPath() string { return f.in(identityFolder, f.Identity.LabFile) }

func (f *Folder) in(parts ...string) string {
	return filepath.Join(append([]string{f.Dir}, parts...)...)
}
