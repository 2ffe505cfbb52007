package run

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

func borrowed(t *testing.T, ctx context.Context, use func(context.Context, provision.Machine) error) ([]string, error) {
	t.Helper()
	b := &fakeBackend{machines: stations{"guest": {Machine: &fakeMachine{name: "guest"}}}}
	lab := &Lab{Lab: testbed.Lab{Name: "lent", Cells: []testbed.Cell{{Machines: []testbed.Machine{{Name: "guest"}}}}}}
	err := (&Conductor{Backend: b}).Borrow(ctx, lab, use)
	return b.diary, err
}

func TestABorrowedMachineIsGivenBack(t *testing.T) {
	diary, err := borrowed(t, t.Context(), func(_ context.Context, m provision.Machine) error {
		require.Equal(t, "guest", m.Name())
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"boot", "remove"}, diary, "and not kept: it goes with the process")

	broken := errors.New("broken")
	diary, err = borrowed(t, t.Context(), func(context.Context, provision.Machine) error { return broken })
	require.ErrorIs(t, err, broken)
	require.Equal(t, []string{"boot", "remove"}, diary)

	ctx, interrupt := context.WithCancel(t.Context())
	diary, err = borrowed(t, ctx, func(ctx context.Context, _ provision.Machine) error {
		interrupt()
		return context.Cause(ctx)
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"boot", "remove"}, diary, "also after an interrupt")
}

func TestALabWithoutMachinesLendsNone(t *testing.T) {
	err := (&Conductor{Backend: &fakeBackend{}}).Borrow(t.Context(), &Lab{}, nil)
	require.ErrorContains(t, err, "the lab has none")
}
