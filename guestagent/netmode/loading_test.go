package netmode

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/kconfig"
)

// TestAwaitModule: what another agent is still loading is waited for, and what is not
// there is not.
func TestAwaitModule(t *testing.T) {
	const line = "%s 172032 1 - %s 0x0000000000000000\nveth 45056 0 - Live 0x0000000000000000\n"
	looks := []string{fmt.Sprintf(line, "vxlan", "Loading"), fmt.Sprintf(line, "vxlan", "Loading"), fmt.Sprintf(line, "vxlan", "Live")}
	look := func() string {
		now := looks[0]
		looks = looks[1:]
		return now
	}
	require.True(t, awaitModule(t.Context(), "vxlan", look))
	require.Empty(t, looks)

	always := func(text string) func() string { return func() string { return text } }
	require.False(t, awaitModule(t.Context(), "vxlan", always(fmt.Sprintf(line, "vxlan_not", "Live"))))
	require.False(t, awaitModule(t.Context(), "vxlan", always(fmt.Sprintf(line, "vxlan", "Unloading"))))
	require.False(t, awaitModule(t.Context(), "vxlan", always("")), "a kernel without modules")

	ended, end := context.WithCancel(t.Context())
	end()
	require.False(t, awaitModule(ended, "vxlan", always(fmt.Sprintf(line, "vxlan", "Loading"))))
}

// TestLoaded: only what a module would bring is worth a second try.
func TestLoaded(t *testing.T) {
	require.False(t, loaded(t.Context(), nil))
	require.False(t, loaded(t.Context(), errors.New("no such device")))
	require.False(t, loaded(t.Context(), fmt.Errorf("build: %w", &UnsupportedError{kconfig.Netkit})), "it cannot be a module")
}

// TestWhatCameMeanwhileIsTriedAgain: refused as unknown, and known to the probe after it.
func TestWhatCameMeanwhileIsTriedAgain(t *testing.T) {
	require.True(t, loaded(t.Context(), fmt.Errorf("add geneve: %w", unix.EOPNOTSUPP)))
	require.False(t, loaded(t.Context(), fmt.Errorf("add geneve: %w", unix.EEXIST)))
	require.False(t, loaded(t.Context(), &UnsupportedError{}), "without a module there is nothing to wait for")
}
