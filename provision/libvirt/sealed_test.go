package libvirt

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// TestInstructionsText reads what a QEMU 10.0.2 answered.
func TestInstructionsText(t *testing.T) {
	require.Equal(t, "; it has executed some 3 · 10⁹ instructions",
		instructionsText(`{"return":{"tm_year":126,"tm_sec":3,"tm_hour":0,"tm_min":0,"tm_mon":0,"tm_mday":1},"id":"libvirt-479"}`))
	require.Equal(t, "; it has executed some 90061 · 10⁹ instructions",
		instructionsText(`{"return":{"tm_year":126,"tm_sec":1,"tm_hour":1,"tm_min":1,"tm_mon":0,"tm_mday":2}}`))
	require.Empty(t, instructionsText(`{"error":{"class":"GenericError"}}`))
	require.Empty(t, instructionsText(""))
}

// TestKernelOf: what cannot start by itself is started as it is.
func TestKernelOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vmlinuz")
	require.NoError(t, os.WriteFile(path, []byte("no kernel that can be unpacked"), 0o644))
	for _, sealed := range []*provision.Sealed{nil, {}} {
		kernel, err := kernelOf(provision.MachineRequest{Machine: testbed.Machine{Name: "client"}, Kernel: path, Sealed: sealed})
		require.NoError(t, err)
		require.Equal(t, "no kernel that can be unpacked", string(kernel))
	}
	_, err := kernelOf(provision.MachineRequest{Machine: testbed.Machine{Name: "client"}, Kernel: path + ".gone"})
	require.ErrorContains(t, err, `read the kernel of "client"`)
}
