package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"

	"github.com/testbed-lab/testbed/testbed"
)

// Schemas of what is kept beside results.
const (
	matrixSchema = "testbed.matrix/v1"
	cellSchema   = "testbed.cell/v1"
)

// Identity is what all cells of a folder have in common.
type Identity struct {
	Schema    string            `json:"schema"`
	Lab       string            `json:"lab"`
	LabFile   string            `json:"lab_file"` // Base name.
	LabDigest string            `json:"lab_digest"`
	Variables map[string]string `json:"variables"`
	Backend   string            `json:"backend"`
	Tool      testbed.Tool      `json:"tool"`
	// Cells are the coordinates of each, in the lab's order.
	Cells []map[string]string `json:"cells"`
}

// IdentityOf is that of a lab which a version of this program measures.
func IdentityOf(lab testbed.Lab, tool testbed.Tool) Identity {
	id := Identity{
		Schema: matrixSchema, Lab: lab.Name, LabFile: filepath.Base(lab.Source), LabDigest: lab.Digest,
		Variables: lab.Variables, Backend: lab.Backend, Tool: tool,
	}
	for _, cell := range lab.Cells {
		id.Cells = append(id.Cells, cell.At())
	}
	return id
}

// differs says what two identities do not have in common, empty where that is nothing.
func (id Identity) differs(other Identity) string {
	for _, pair := range []struct{ what, ours, theirs string }{
		{"lab", id.Lab, other.Lab},
		{"lab file (SHA-256)", id.LabDigest, other.LabDigest},
		{"backend", id.Backend, other.Backend},
		{"version of testbed", id.Tool.Version, other.Tool.Version},
		{"agent (SHA-256)", id.Tool.AgentSHA256, other.Tool.AgentSHA256},
	} {
		if pair.ours != pair.theirs {
			return fmt.Sprintf("%s is %s there, and %s here", pair.what, pair.ours, pair.theirs)
		}
	}
	switch {
	case !maps.Equal(id.Variables, other.Variables):
		return fmt.Sprintf("variables are %v there, and %v here", id.Variables, other.Variables)
	case !slices.EqualFunc(id.Cells, other.Cells, maps.Equal):
		return "cells are others"
	}
	return ""
}

// Title names a cell for a person, by its number and coordinates.
func (id Identity) Title(number int) string {
	text := ""
	cell := id.Cells[number-1]
	for _, name := range slices.Sorted(maps.Keys(cell)) {
		text += " " + name + "=" + cell[name]
	}
	return fmt.Sprintf("cell %d%s", number, text)
}

// OtherError says that a folder holds the cells of another lab, or of this one measured
// otherwise.
type OtherError struct {
	Dir  string
	What string // Differs.
}

func (e *OtherError) Error() string {
	return fmt.Sprintf("%s holds cells of another experiment: the %s", e.Dir, e.What)
}

// Hint is the remedy.
func (e *OtherError) Hint() string {
	return "name another folder with --out; cells of two labs or two versions are no one result"
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(text, '\n'), 0o644)
}

// readJSON decodes a file of ours, of which the schema is known.
func readJSON(path, schema string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var head struct{ Schema string }
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("read %q: %w", path, err)
	}
	if head.Schema != schema {
		return fmt.Errorf("read %q: its schema is %q; this version reads %q", path, head.Schema, schema)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // Facts stay as they are written.
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("read %q: %w", path, err)
	}
	return nil
}
