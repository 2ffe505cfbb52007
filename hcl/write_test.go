package hcl_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/hcl"
)

func mistakes(t *testing.T, text string) *hcl.Diagnostics {
	t.Helper()
	_, diags := hcl.Parse([]byte(text), "lab.hcl", hcl.Options{})
	require.True(t, diags.HasErrors())
	return diags
}

// Color is in the word and in the line below, and nowhere else.
func TestWriteColor(t *testing.T) {
	var page bytes.Buffer
	require.NoError(t, mistakes(t, "lab \"l\" {\n  sead = 1\n}\n").Write(&page, 0, true))
	require.Equal(t, "\x1b[1;31mError\x1b[0m: Unknown argument\n\n"+
		"  lab.hcl:2:3, in lab \"l\"\n"+
		"   2 │   sead = 1\n"+
		"     │   \x1b[1;31m^^^^\x1b[0m\n\n"+
		"A lab block has no argument \"sead\". Did you mean \"seed\"?\n", page.String())
}

// Sentences keep to the width; lines of the file do not.
func TestWriteWidth(t *testing.T) {
	diags := mistakes(t, "lab \"l\" {\n  backend = \"a backend that nobody has heard of, with a name that is very long indeed\"\n}\n")
	var page bytes.Buffer
	require.NoError(t, diags.Write(&page, 40, false))
	_, sentences, _ := strings.Cut(page.String(), "^\n")
	for line := range strings.Lines(sentences) {
		require.LessOrEqual(t, len(line), 41)
	}
	page.Reset()
	require.NoError(t, diags.Write(&page, 0, false))
	require.Contains(t, page.String(), `It can be "libvirt", "local" or "icount".`+"\n")
}

// A file cannot speak to the terminal through its mistakes.
func TestWriteLeavesOutControl(t *testing.T) {
	page := rendered(t, mistakes(t, "lab \"l\" {}\nlocals {\n  a = nothing # \x1b[31m\x07red\n}\n"))
	require.NotContains(t, page, "\x1b")
	require.NotContains(t, page, "\x07")
	require.Contains(t, page, "a = nothing # [31mred")
}

// A range over several lines is underlined on the first.
func TestWriteSeveralLines(t *testing.T) {
	page := rendered(t, mistakes(t, "lab \"l\" {\n  description = [\n    1,\n  ]\r\n}\r\n"))
	require.Contains(t, page, "   2 │   description = [\n     │                 ^\n")
}

func TestWriteNothing(t *testing.T) {
	var none *hcl.Diagnostics
	require.NoError(t, none.Write(errorWriter{}, 80, false))
	require.False(t, none.HasErrors())
	require.Zero(t, none.Len())
	require.Empty(t, none.List())
}

type errorWriter struct{}

func (errorWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return 0, errors.New("full")
}

func TestWriteFails(t *testing.T) {
	require.ErrorContains(t, mistakes(t, "").Write(errorWriter{}, 80, false), "full")
}

// The list has the same as the page, as data.
func TestList(t *testing.T) {
	list := mistakes(t, "lab \"l\" {}\nexpect \"x\" {\n  that = true\n}\nvms \"é\" {}\n").List()
	require.Len(t, list, 2)
	require.Equal(t, hcl.Warning, list[0].Severity)
	require.Equal(t, hcl.Error, list[1].Severity)
	require.Equal(t, "Unknown block", list[1].Summary)
	r := list[1].Range
	require.Equal(t, []int{5, 1, 5, 4}, []int{r.StartLine, r.StartColumn, r.EndLine, r.EndColumn})
	require.Equal(t, "lab.hcl", r.File)
}

func TestLoadWhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.hcl")
	require.NoError(t, os.WriteFile(large, bytes.Repeat([]byte("#\n"), 1<<20), 0o644))
	for path, want := range map[string]string{
		filepath.Join(dir, "none.hcl"): "There is no file",
		dir:                            "is a folder",
		large:                          "a lab has at most",
	} {
		file, diags := hcl.Load(path, hcl.Options{})
		require.Nil(t, file)
		require.Contains(t, strings.ReplaceAll(rendered(t, diags), "\n", " "), want)
	}
	file, diags := hcl.Parse(bytes.Repeat([]byte("#\n"), 1<<20), "-", hcl.Options{})
	require.Nil(t, file)
	require.Contains(t, rendered(t, diags), "a lab has at most")
}

// Paths are seen from the folder of the lab, wherever testbed is called.
func TestPathsAreRelativeToTheLab(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bzImage"), nil, 0o644))
	lab := filepath.Join(dir, "lab.hcl")
	require.NoError(t, os.WriteFile(lab, []byte("lab \"l\" {}\nimage \"own\" {\n  kernel = \"bzImage\"\n}\nvm \"a\" {\n  image = image.own\n}\n"), 0o644))
	t.Chdir("/")
	file, diags := hcl.Load(lab, hcl.Options{})
	require.Zero(t, diags.Len(), rendered(t, diags))
	require.Equal(t, filepath.Join(dir, "bzImage"), file.Lab.Images[0].Kernel)
	require.Equal(t, lab, file.Lab.Source)
}
