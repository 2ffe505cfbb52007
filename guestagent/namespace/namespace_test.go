package namespace_test

import (
	"errors"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/namespace"
)

func where(t *testing.T) string {
	t.Helper()
	name, err := os.Readlink("/proc/thread-self/ns/net")
	require.NoError(t, err)
	return name
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("this machine lacks root: network namespaces cannot be made")
	}
}

func TestDo(t *testing.T) {
	needRoot(t)
	home := where(t)
	prepared := ""
	space, err := namespace.New(func() error { prepared = where(t); return nil })
	require.NoError(t, err)
	defer space.Close()
	require.NotEqual(t, home, prepared)
	for range 20 {
		require.NoError(t, space.Do(func() error {
			require.Equal(t, prepared, where(t))
			links, err := net.Interfaces()
			require.Len(t, links, 1, "lo and nothing else")
			return err
		}))
		require.Equal(t, home, where(t), "the caller stays where it was")
	}
	broken := errors.New("broken")
	require.ErrorIs(t, space.Do(func() error { return broken }), broken)
}

func TestOwn(t *testing.T) {
	space, err := namespace.Own()
	require.NoError(t, err)
	defer space.Close()
	home := where(t)
	require.NoError(t, space.Do(func() error { require.Equal(t, home, where(t)); return nil }))
	require.NoError(t, space.Enter())
}

func TestNewThatFails(t *testing.T) {
	needRoot(t)
	broken := errors.New("broken")
	_, err := namespace.New(func() error { return broken })
	require.ErrorIs(t, err, broken)
}
