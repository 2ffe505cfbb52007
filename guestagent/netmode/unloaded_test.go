package netmode

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestUnloaded: a program that a capable kernel refuses is a failure, for it says nothing
// of what the kernel lacks.
func TestUnloaded(t *testing.T) {
	refused := fmt.Errorf("load program: %w", unix.EINVAL)
	for name, tt := range map[string]struct {
		err, helper error
		unsupported bool
	}{
		"no function":           {refused, fmt.Errorf("probe: %w", ebpf.ErrNotSupported), true},
		"no BPF":                {unix.ENOSYS, errors.New("probe: function not implemented"), true},
		"the library knows":     {ebpf.ErrNotSupported, nil, true},
		"refused":               {refused, nil, false},
		"the probe failed too":  {refused, unix.EPERM, false},
		"another error, and it": {unix.EPERM, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := unloaded(tt.err, tt.helper)
			require.Equal(t, tt.unsupported, errors.Is(err, ErrUnsupported))
			require.ErrorContains(t, err, tt.err.Error())
		})
	}
}
