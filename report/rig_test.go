package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// Namespaces are never called machines of another kind, nor their kernel a guest's.
func TestRigOfTheLocalBackend(t *testing.T) {
	r := testbed.Result{Backend: "local", LabFile: "lab.hcl", Environment: testbed.Environment{
		Machines: []testbed.MachineEnvironment{{Name: "client", Facts: map[string]any{"kernel_release": "6.12.1"}}},
	}}
	require.Equal(t, "local · namespaces of this kernel (6.12.1)", rig(r))
	facts := rigFacts(r)
	require.Equal(t, fact{"machines", "local, namespaces of this kernel (6.12.1)"}, facts[0])
	for _, f := range facts {
		require.NotEqual(t, "guest kernel", f.Name)
	}
	require.Equal(t, "testbed run lab.hcl --backend local", reproduceCommand(r))
	r.Backend, r.Accelerator = "libvirt", "kvm"
	require.Equal(t, "libvirt · KVM · Linux 6.12.1", rig(r))
}
