package hcl

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/testbed-lab/testbed/testbed"
)

// maxSize is the largest lab file that is read. A lab is written by hand; what
// is larger is another file, given by mistake.
const maxSize = 1 << 20

// Options are what a lab is read with. The zero value is useful.
type Options struct {
	// Vars are values of the lab's variables by name, as given on the command
	// line. Optional.
	Vars map[string]string
	// Backend is used in place of the one that the lab names. Optional.
	Backend string
	// Kernels answers the function kernels(), and is asked only where a lab uses it; without
	// it, such a lab has a mistake. Optional.
	Kernels func(KernelRange) ([]string, error)
	// Waits takes modes with a delay where instructions are counted too. A wait executes
	// none, so whoever sets it reads the figures as the guest's clock, on which an
	// instruction takes 1 ns.
	Waits bool
}

// File is a lab file without a mistake.
type File struct {
	Lab  *testbed.Lab
	Text []byte // As it was read.

	// Images are all that the file declares, also those that no cell uses.
	Images []testbed.Image

	predicates [][]testbed.Predicate
}

// Predicates are the compiled expectations: one list a cell of the lab, in the
// order of Lab.Expectations. They may be called from many goroutines.
func (f *File) Predicates() [][]testbed.Predicate { return f.predicates }

// Load reads a lab file. The file is nil where the diagnostics have errors;
// that the file cannot be read is a diagnostic too.
func Load(path string, opt Options) (*File, *Diagnostics) {
	text, problem := read(path)
	if problem != "" {
		return nil, unreadable(path, problem)
	}
	return Parse(text, path, opt)
}

// unreadable is a diagnostic without a place.
func unreadable(path, problem string) *Diagnostics {
	out := newCollector(path, nil)
	out.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Unreadable lab file", Detail: problem})
	return out.diagnostics()
}

func read(path string) (text []byte, problem string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Sprintf("There is no file %s. A first lab is written by: testbed init", path)
	case err == nil && info.IsDir():
		return nil, fmt.Sprintf("%s is a folder. Name the lab file in it.", path)
	case err == nil && info.Size() > maxSize:
		return nil, fmt.Sprintf("%s has %d bytes; a lab has at most %d.", path, info.Size(), maxSize)
	}
	text, err = os.ReadFile(path)
	if err != nil {
		return nil, fmt.Sprintf("The lab file cannot be read: %v.", err)
	}
	return text, ""
}

// Parse is [Load] of text that has been read already. Path is shown in
// diagnostics, and the paths in the lab are relative to its folder.
func Parse(text []byte, path string, opt Options) (*File, *Diagnostics) {
	if len(text) > maxSize {
		return nil, unreadable(path, fmt.Sprintf("%s has %d bytes; a lab has at most %d.", path, len(text), maxSize))
	}
	out := newCollector(path, text)
	body := parseBody(text, path, out)
	if body == nil {
		return nil, out.diagnostics()
	}
	source := newSource(body, path, out)
	source.functions["kernels"] = source.kernels(opt.Kernels)
	source.variables(opt.Vars)
	l := &loader{source: source, lab: source.lab, backend: opt.Backend, waits: opt.Waits, used: map[string]bool{}}
	l.head()
	l.images()
	l.cells()
	if out.failed() {
		return nil, out.diagnostics()
	}
	digest := sha256.Sum256(text)
	l.lab.Digest = hex.EncodeToString(digest[:])
	l.lab.Variables = opt.Vars
	return &File{Lab: l.lab, Text: text, Images: l.all, predicates: l.predicates}, out.diagnostics()
}

// parseBody gives nil after reporting why the text is not HCL at all. What
// follows a syntax error would be guessed, so nothing else is looked at then.
func parseBody(text []byte, path string, out *collector) *hclsyntax.Body {
	file, diags := hclsyntax.ParseConfig(text, path, hcl.InitialPos)
	if diags.HasErrors() {
		out.addAll(syntaxErrors(diags))
		return nil
	}
	return file.Body.(*hclsyntax.Body)
}

// syntaxErrors ends with the first string that is not closed: what follows is
// read as text where it is none, and the other way round.
func syntaxErrors(diags hcl.Diagnostics) hcl.Diagnostics {
	for i, d := range diags {
		if d.Summary == "Invalid multi-line string" || d.Summary == "Unterminated template string" {
			return diags[:i+1]
		}
	}
	return diags
}

// absolute is the path as it is called from elsewhere.
func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}
