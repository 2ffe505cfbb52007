package run

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

func narrowable() *Lab {
	lab := labOf(testbed.Test{}, testbed.Test{})
	lab.Cells[0].Tests[0].Name, lab.Cells[0].Tests[0].Modes = "tcp", []string{"host", "docker0", "ipvlan"}
	lab.Cells[0].Tests[1].Name, lab.Cells[0].Tests[1].Modes = "udp", []string{"host"}
	lab.Images = []testbed.Image{{Name: "debian", Release: "trixie", Cmdline: "quiet"}, {Name: "other", Kernel: "/k", Modules: "/m"}}
	return lab
}

func TestOnly(t *testing.T) {
	lab := narrowable()
	all, tests := lab.Cells[0].Tests, len(lab.Cells[0].Tests)
	narrow, err := lab.Only(all[0].Name, "docker0")
	require.NoError(t, err)
	require.Len(t, narrow.Cells[0].Tests, 1)
	require.Equal(t, []string{"host", "docker0"}, narrow.Cells[0].Tests[0].Modes)
	require.Empty(t, narrow.Expectations)
	require.Len(t, lab.Cells[0].Tests, tests, "the lab itself stays")
	require.Len(t, all[0].Modes, 3)

	whole, err := lab.Only("", "")
	require.NoError(t, err)
	require.Equal(t, all, whole.Cells[0].Tests)

	_, err = lab.Only("udp", "docker0")
	require.EqualError(t, err, `the lab has no test "udp" with mode "docker0"; its tests are tcp, udp, and their modes docker0, host, ipvlan`)
}

func TestOnImages(t *testing.T) {
	lab := narrowable()
	change := func(i testbed.Image) testbed.Image { return PackagedKernel(i, "7.3.4-1") }
	every, err := lab.OnImages("", change)
	require.NoError(t, err)
	require.Equal(t, []testbed.Image{
		{Name: "debian", KernelVersion: "7.3.4-1", Cmdline: "quiet"}, {Name: "other", KernelVersion: "7.3.4-1"},
	}, every.Images)
	one, err := lab.OnImages("other", change)
	require.NoError(t, err)
	require.Equal(t, "trixie", one.Images[0].Release)
	require.Equal(t, "/k", lab.Images[1].Kernel)
	_, err = lab.OnImages("nope", change)
	require.EqualError(t, err, `the lab's machines boot no image "nope"; they boot debian, other`)
}

// TestAgainstImages leaves machines alone whose image has no other side.
func TestAgainstImages(t *testing.T) {
	lab := narrowable()
	lab.Cells[0].Machines[0].Image, lab.Cells[0].Machines[1].Image = "debian", "other"
	both, err := lab.AgainstImages(map[string]testbed.Image{"other": {Name: "other-good", KernelVersion: "6.12"}})
	require.NoError(t, err)
	require.Equal(t, "debian", both.Cells[0].Machines[0].Image)
	require.Equal(t, "other-good", both.Cells[0].Machines[1].Image)
	require.Equal(t, "other", both.Cells[1].Machines[1].Image)
	require.Equal(t, 3, both.Cells[1].Tests[0].Boots)
	require.Equal(t, "other-good", both.Lab.Against)
	_, has := both.Image("other-good")
	require.True(t, has)
	require.Equal(t, 3, lab.Booted().Cells[0].Tests[1].Boots)
}
