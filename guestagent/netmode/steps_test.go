package netmode

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/kconfig"
)

var errBroken = errors.New("broken")

// recorded is a step that writes down what happens to it; its undo fails as
// often as said.
func recorded(log *[]string, name string, failures int) step {
	return step{
		name: name,
		do:   func() error { *log = append(*log, name); return nil },
		undo: func() error {
			if failures--; failures >= 0 {
				return errBroken
			}
			*log = append(*log, "-"+name)
			return nil
		},
	}
}

func TestUndoneInReverse(t *testing.T) {
	var log []string
	var tr transaction
	err := tr.run(context.Background(), []step{
		recorded(&log, "a", 0), recorded(&log, "b", 0),
		{name: "c", do: func() error { return errBroken }},
		recorded(&log, "d", 0),
	})
	require.ErrorIs(t, err, errBroken)
	require.ErrorContains(t, err, "c: broken")
	require.Equal(t, []string{"a", "b", "-b", "-a"}, log)
	require.NoError(t, tr.rollBack())
}

func TestStubbornUndo(t *testing.T) {
	var log []string
	var tr transaction
	require.NoError(t, tr.run(context.Background(), []step{recorded(&log, "a", 0), recorded(&log, "b", attempts), recorded(&log, "c", 1)}))
	log = nil
	require.ErrorContains(t, tr.rollBack(), "undo b: broken")
	require.Equal(t, []string{"-c", "-a"}, log, "the others are undone all the same")
	require.NoError(t, tr.rollBack(), "and what was left can be undone later")
	require.Equal(t, []string{"-c", "-a", "-b"}, log)
}

func TestUnsupportedError(t *testing.T) {
	err := error(&UnsupportedError{kconfig.Feature{Name: "f", Config: "CONFIG_F", Module: "m", MinimumVersion: "9.9"}})
	require.ErrorIs(t, err, ErrUnsupported)
	require.EqualError(t, err, "this kernel has no f: it needs CONFIG_F (module m), which Linux has since 9.9")
}
