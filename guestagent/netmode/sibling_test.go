package netmode_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// TestEachStepOfASiblingFails: a second container that is not built leaves the mode
// beside it as it was, and goes again without a trace.
func TestEachStepOfASiblingFails(t *testing.T) {
	each(t, []string{"client"}, func(t *testing.T, mode proto.Mode, role proto.Role) {
		s := netmode.Spec{Mode: mode}
		if role == proto.Server || !s.Contained(proto.Client) || mode.Mode == "passthru" {
			return
		}
		self, peer := ends(t, role)
		machine := open(t, self)
		var hook func(string) error
		machine.BeforeStep = func(step string) error { return hook(step) }
		var steps []string
		hook = func(step string) error { steps = append(steps, step); return nil }
		built := buildOrSkip(t, machine, spec(mode, role, self, peer))
		before := self.Snapshot(t)

		steps = nil
		sibling, err := built.Sibling(t.Context())
		require.NoError(t, err)
		require.NoError(t, sibling.Remove())
		self.RequireUnchanged(t, before)
		broken := errors.New("broken for the test")
		for i, victim := range steps {
			n := 0
			hook = func(string) error {
				if n++; n == i+1 {
					return broken
				}
				return nil
			}
			if sibling, err = built.Sibling(t.Context()); err == nil {
				require.NoError(t, sibling.Remove(), "an undo is tried twice")
			} else {
				require.ErrorIs(t, err, broken)
			}
			self.RequireUnchangedButSysctls(t, before, "after ", victim)
		}
		hook = func(string) error { return nil }
		self.RequireUnchanged(t, before)
		require.NoError(t, built.TearDown())
	})
}
