package hcl_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/hcl"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "write it with -update")
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// rendered is what a person reads.
func rendered(t *testing.T, d *hcl.Diagnostics) string {
	t.Helper()
	var page strings.Builder
	require.NoError(t, d.Write(&page, 78, false))
	return page.String()
}

// labFiles are the lab files of a folder in testdata.
func labFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.hcl"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// variables are given to the labs of testdata that have a line "# --var a=b".
func variables(text string) map[string]string {
	vars := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if given, is := strings.CutPrefix(line, "# --var "); is {
			name, value, _ := strings.Cut(given, "=")
			vars[name] = value
		}
	}
	return vars
}

// load reads a lab under its bare name, so that goldens hold no folder.
func load(t *testing.T, path string) (*hcl.File, *hcl.Diagnostics) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return hcl.Parse(text, path, hcl.Options{Vars: variables(string(text))})
}

// Each file in testdata/mistakes has mistakes; the .txt beside it is all that
// is said about them, in words and places.
func TestMistakes(t *testing.T) {
	for _, path := range labFiles(t, "mistakes") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, diags := load(t, path)
			require.True(t, diags.HasErrors(), "a mistake must be reported")
			require.Nil(t, file)
			golden(t, strings.TrimSuffix(path, ".hcl")+".txt", rendered(t, diags))
		})
	}
}

// relative leaves out where the repository is.
func relative(t *testing.T, page string) string {
	t.Helper()
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	return strings.ReplaceAll(page, here+"/", "$HERE/")
}

// Each file in testdata/labs is right; the .json beside it is the lab.
func TestLabs(t *testing.T) {
	for _, path := range labFiles(t, "labs") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, diags := load(t, path)
			require.Zero(t, diags.Len(), rendered(t, diags))
			text, err := json.MarshalIndent(file.Lab, "", "  ")
			require.NoError(t, err)
			golden(t, strings.TrimSuffix(path, ".hcl")+".json", relative(t, string(text))+"\n")
		})
	}
}
