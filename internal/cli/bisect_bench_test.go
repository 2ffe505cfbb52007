package cli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/bisect"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/provision/libvirt"
)

// TestBlame: only what the kernel did is skipped; a fault of the machine ends the bisect.
func TestBlame(t *testing.T) {
	var skip *bisect.SkipError
	for _, err := range []error{
		fmt.Errorf("cell x: %w", &libvirt.BootError{Machine: "client", Err: errors.New("it ended early")}),
		errors.Join(errors.New("test"), &run.AgentError{Machine: "client", Err: errors.New("no ipvlan")}),
	} {
		require.ErrorAs(t, blame(err), &skip)
		require.ErrorIs(t, blame(err), err)
	}
	fault := errors.New("connect to libvirt: connection refused")
	require.Equal(t, fault, blame(fault))
}
