package hcl_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/hcl"
)

// The backend that a caller names wins over the file's, and its rules hold.
func TestBackendOption(t *testing.T) {
	text, err := os.ReadFile("testdata/mistakes/local.hcl")
	require.NoError(t, err)
	file, diags := hcl.Parse(text, "lab.hcl", hcl.Options{Backend: "libvirt"})
	require.False(t, diags.HasErrors(), rendered(t, diags))
	require.Equal(t, "libvirt", file.Lab.Backend)
	require.Equal(t, 2, file.Lab.Cells[0].Tests[0].Boots)
	require.Len(t, file.Lab.Images, 2)

	text, err = os.ReadFile("../examples/kernels.hcl")
	require.NoError(t, err)
	file, diags = hcl.Parse(text, "lab.hcl", hcl.Options{})
	require.False(t, diags.HasErrors())
	require.Equal(t, "libvirt", file.Lab.Backend)
	_, diags = hcl.Parse(text, "lab.hcl", hcl.Options{Backend: "local"})
	require.True(t, diags.HasErrors())
	require.Contains(t, rendered(t, diags), "One kernel")

	text, err = os.ReadFile("testdata/labs/machines.hcl")
	require.NoError(t, err)
	_, diags = hcl.Parse(text, "lab.hcl", hcl.Options{Backend: "local"})
	require.Contains(t, rendered(t, diags), "--backend local out")
}

// TestCPUOnLocal: a machine has no more CPUs there than its block says.
func TestCPUOnLocal(t *testing.T) {
	text, err := os.ReadFile("testdata/labs/local.hcl")
	require.NoError(t, err)
	_, diags := hcl.Parse([]byte(strings.Replace(string(text), "cpus  = 2", "cpus  = 1", 1)), "lab.hcl", hcl.Options{})
	require.Contains(t, rendered(t, diags), "client has cpus = 1.")
}
