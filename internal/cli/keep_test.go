package cli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images"
)

// A reviewer reads which packages vanished, and what to do.
func TestGoneError(t *testing.T) {
	other := errors.New("no libvirt")
	require.Equal(t, other, goneError(other))
	require.NoError(t, goneError(nil))
	gone := fmt.Errorf("cell 1: %w", &images.GoneError{Packages: []string{"linux-image-6.12 6.12.1-1", "libc6 2.41"}, Err: errors.New("get it: 404 Not Found")})
	err := goneError(gone)
	require.EqualError(t, err, "build the bundle's images: the mirror has no more, and the cache neither: linux-image-6.12 6.12.1-1, libc6 2.41: get it: 404 Not Found")
	var hinted interface{ Hint() string }
	require.ErrorAs(t, err, &hinted)
	require.Contains(t, hinted.Hint(), "--with-images")
}
