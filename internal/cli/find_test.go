package cli

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
)

// running lists what it is given.
type running struct {
	provision.Backend
	labs []provision.Lab
}

func (r running) Labs(context.Context) ([]provision.Lab, error) { return r.labs, nil }

// counting is a lab that is measured by counting, beside one of machines.
func counting() running {
	return running{labs: []provision.Lab{
		{Name: "counted-icount", Machines: []provision.MachineInfo{{Name: "guest", State: "running", Sealed: true}}},
		{Name: "timed", Machines: []provision.MachineInfo{{Name: "client", State: "running", SSH: "127.0.0.1:4000"}}},
	}}
}

// A guest that counts is refused at once, whatever backend the command line names, and
// is no machine to be hinted at.
func TestNoWayIntoASealedMachine(t *testing.T) {
	for _, name := range []string{"counted-icount/guest", "guest"} {
		_, _, err := find(t.Context(), counting(), name)
		require.ErrorIs(t, err, provision.ErrSealed, name)
		require.ErrorContains(t, err, "not on this backend", name)
	}
	_, _, err := find(t.Context(), counting(), "counted/client")
	require.ErrorContains(t, err, `no machine "counted/client" is running`)
	hint := err.(usageError).hint
	require.Contains(t, hint, "timed/client")
	require.NotContains(t, hint, "guest")

	lab, machine, err := find(t.Context(), counting(), "client")
	require.NoError(t, err)
	require.Equal(t, "timed/client", lab+"/"+machine)
}

// Status has it, without a port to connect to.
func TestStatusOfASealedMachine(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, (&app{stdout: &out}).printMachines(counting().labs))
	require.Regexp(t, `counted-icount/guest +running +sealed`, out.String())
	require.Regexp(t, `timed/client +running +127.0.0.1:4000`, out.String())
}
