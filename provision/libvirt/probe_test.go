package libvirt

import (
	"errors"
	"testing"

	golibvirt "github.com/digitalocean/go-libvirt"
	"github.com/stretchr/testify/require"
)

// What libvirt answers of an accelerator that QEMU lacks.
var errLacks = golibvirt.Error{Code: uint32(golibvirt.ErrInvalidArg), Message: "the accel is not supported"}

// able answers for a QEMU that has some accelerators, by libvirt's words, and keeps for
// which it was asked.
func able(asked *[]string, has ...string) func(string) (string, error) {
	return func(domainType string) (string, error) {
		*asked = append(*asked, domainType)
		for _, one := range has {
			if one == domainType {
				return "<domainCapabilities><path>/qemu</path><machine>pc-q35-10.0</machine></domainCapabilities>", nil
			}
		}
		return "", errLacks
	}
}

// TestChooseAccelerator: what is to emulate is asked of TCG, also where there is KVM.
func TestChooseAccelerator(t *testing.T) {
	for name, test := range map[string]struct {
		virtualizes, emulated bool
		has, asks             []string
		want                  string
	}{
		"kvm":                 {true, false, []string{"kvm", "qemu"}, []string{"kvm"}, "kvm"},
		"kvm that counts":     {true, true, []string{"kvm", "qemu"}, []string{"qemu"}, "tcg"},
		"kvm out of reach":    {true, false, []string{"qemu"}, []string{"kvm", "qemu"}, "tcg"},
		"none":                {false, false, []string{"kvm", "qemu"}, []string{"qemu"}, "tcg"},
		"kvm alone":           {true, true, []string{"kvm"}, []string{"qemu"}, ""},
		"neither, and no kvm": {false, false, nil, []string{"qemu"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			h, err := choose(accelerators(test.virtualizes, test.emulated), able(&asked, test.has...))
			require.Equal(t, test.asks, asked)
			if test.want == "" {
				require.ErrorIs(t, err, errLacks)
				require.ErrorContains(t, err, "no guest can be emulated")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, h.accelerator)
			require.Equal(t, "/qemu", h.emulator)
		})
	}
	_, err := choose([]string{"kvm", "tcg"}, func(string) (string, error) { return "", errors.New("no answer") })
	require.EqualError(t, err, "no answer; is qemu-system-x86 installed? scripts/setup installs it")
}

// An old QEMU that is to count on a machine with KVM is no better than one without.
func TestAnOldQEMUDoesNotCount(t *testing.T) {
	var asked []string
	h, err := choose(accelerators(true, true), able(&asked, "kvm", "qemu"))
	require.NoError(t, err)
	h.qemu = 7_002_017
	require.ErrorContains(t, h.check(), "use QEMU 7.2.17: where it emulates (TCG) it corrupts the memory")
	h.qemu = 10_000_002
	require.NoError(t, h.check())
}
