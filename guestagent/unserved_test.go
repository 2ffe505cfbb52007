package guestagent

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestUnserved: a virtual address that nobody translates answers no connection, and the
// kernel's word for that says nothing of why.
func TestUnserved(t *testing.T) {
	server := netip.MustParseAddrPort("10.77.0.2:5201")
	require.NoError(t, unserved(nil, server))
	err := unserved(fmt.Errorf("connect to 198.18.2.1:5201: %w", unix.ETIMEDOUT), server)
	require.ErrorIs(t, err, unix.ETIMEDOUT)
	require.ErrorContains(t, err, "the service's address, which the client's machine makes 10.77.0.2:5201")
}
