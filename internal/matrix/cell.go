package matrix

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/testbed"
)

// Cell is one that is in the folder, measured or failed.
type Cell struct {
	Schema    string                  `json:"schema"`
	Number    int                     `json:"number"` // From 1, in the lab's order.
	LabDigest string                  `json:"lab_digest"`
	Tool      testbed.Tool            `json:"tool"`
	Where     testbed.CellEnvironment `json:"where"`
	Ended     time.Time               `json:"ended"` // UTC.

	// Result is the folder of its result; empty where nothing was measured.
	Result string `json:"-"`
}

// Title says which cell it is, and where it was measured.
func (c Cell) Title(id Identity) string { return id.Title(c.Number) + " (" + c.Where.Node + ")" }

// ResultPath is where a cell's result is, if it has one.
func (f *Folder) ResultPath(number int) string { return filepath.Join(f.cell(number), resultFolder) }

// Scratch is a folder on the file system of the cells.
func (f *Folder) Scratch() string { return f.in(cellsFolder) }

func (f *Folder) cell(number int) string { return f.in(cellsFolder, fmt.Sprintf("%04d", number)) }

// Find gives a cell, if it is there.
func (f *Folder) Find(number int) (c Cell, there bool, err error) {
	dir := f.cell(number)
	err = readJSON(filepath.Join(dir, cellFile), cellSchema, &c)
	if _, gone := os.Lstat(dir); errors.Is(gone, fs.ErrNotExist) {
		return Cell{}, false, nil
	}
	if err == nil {
		err = f.check(c, number)
	}
	if err != nil {
		return Cell{}, false, fmt.Errorf("%s: %w; remove %s, and run it again", f.Identity.Title(number), err, dir)
	}
	if _, err := os.Stat(filepath.Join(dir, resultFolder)); err == nil {
		c.Result = filepath.Join(dir, resultFolder)
	} else if c.Where.Failure == "" {
		return Cell{}, false, fmt.Errorf("%s: it has no result; remove %s, and run it again", f.Identity.Title(number), dir)
	}
	return c, true, nil
}

// check refuses a cell that was put here from elsewhere.
func (f *Folder) check(c Cell, number int) error {
	id := f.Identity
	switch {
	case c.LabDigest != id.LabDigest:
		return fmt.Errorf("it is of another lab file (SHA-256 %s)", c.LabDigest)
	case c.Tool != id.Tool:
		return fmt.Errorf("it was measured by another version of testbed, %s", c.Tool.Version)
	case c.Number != number || !maps.Equal(c.Where.Cell, id.Cells[number-1]):
		return fmt.Errorf("it is cell %d %v", c.Number, c.Where.Cell)
	}
	return nil
}

// Put leaves a cell in the folder. What measured writes its result into the path that it
// is given; nil where there is none. First is false, and nothing is left, where the cell
// is there already.
func (f *Folder) Put(number int, where testbed.CellEnvironment, result func(dir string) error) (first bool, err error) {
	partial, err := os.MkdirTemp(f.in(cellsFolder), ".cell-")
	if err != nil {
		return false, fmt.Errorf("keep %s: %w", f.Identity.Title(number), err)
	}
	defer os.RemoveAll(partial) // Gone by its new name where all went well.
	if result != nil {
		if err := result(filepath.Join(partial, resultFolder)); err != nil {
			return false, err
		}
	}
	err = writeJSON(filepath.Join(partial, cellFile), Cell{
		Schema: cellSchema, Number: number, LabDigest: f.Identity.LabDigest, Tool: f.Identity.Tool,
		Where: where, Ended: time.Now().UTC().Round(time.Second),
	})
	if err == nil {
		first, err = settle(partial, f.cell(number))
	}
	if err != nil {
		return false, fmt.Errorf("keep %s: %w", f.Identity.Title(number), err)
	}
	return first, nil
}

// Cells are all that are there, and the numbers of those that are not.
func (f *Folder) Cells() (there []Cell, missing []int, err error) {
	entries, err := os.ReadDir(f.in(cellsFolder))
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		number, err := strconv.Atoi(name)
		if strings.HasPrefix(name, ".") || err == nil && number >= 1 && number <= len(f.Identity.Cells) && f.cell(number) == f.in(cellsFolder, name) {
			continue
		}
		return nil, nil, fmt.Errorf("%s is no cell of lab %q: remove it", f.in(cellsFolder, name), f.Identity.Lab)
	}
	for number := 1; number <= len(f.Identity.Cells); number++ {
		c, is, err := f.Find(number)
		switch {
		case err != nil:
			return nil, nil, err
		case is:
			there = append(there, c)
		default:
			missing = append(missing, number)
		}
	}
	return there, missing, nil
}
