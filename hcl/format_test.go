package hcl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/hcl"
)

// Each file in testdata/format becomes the .want beside it, which stays as it is.
func TestFormat(t *testing.T) {
	for _, path := range labFiles(t, "format") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			got, diags := hcl.Format(text, path)
			require.False(t, diags.HasErrors(), rendered(t, diags))
			golden(t, strings.TrimSuffix(path, ".hcl")+".want", string(got))
			again, _ := hcl.Format(got, path)
			require.Equal(t, string(got), string(again))
		})
	}
}

func TestFormatRefusesWhatIsNotHCL(t *testing.T) {
	got, diags := hcl.Format([]byte("vm \"a\" {\n"), "-")
	require.Nil(t, got)
	require.True(t, diags.HasErrors())
	require.Contains(t, rendered(t, diags), "-:1:8")
}

// A lab with mistakes is laid out all the same: fmt is for work in progress.
func TestFormatIgnoresMeaning(t *testing.T) {
	got, diags := hcl.Format([]byte("vmm   \"a\"   {\nx=1\n}"), "-")
	require.False(t, diags.HasErrors())
	require.Equal(t, "vmm \"a\" {\n  x = 1\n}\n", string(got))
}
