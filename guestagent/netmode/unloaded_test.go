package netmode

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
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

// TestRefusedProgram: this kernel's verifier answers EINVAL, as one that lacks a function
// does, and what it says of the program is in the error.
func TestRefusedProgram(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("this machine lacks root: no BPF program can be loaded")
	}
	_, err := load(asm.Instructions{
		asm.Mov.Imm(asm.R0, actionNext),
		asm.BuiltinFunc(1 << 16).Call(),
		asm.Return(),
	}, ebpf.AttachNone)
	require.ErrorIs(t, err, unix.EINVAL)
	require.NotErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "; the verifier's log: ")
	require.ErrorContains(t, err, "(b7) r0 = -1", "the whole of it")
}
