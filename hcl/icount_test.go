package hcl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/examples"
	"github.com/testbed-lab/testbed/hcl"
)

// TestCounted: where instructions are counted, a number of transactions and seeds
// hold in place of a time, rounds and boots, whatever the file has of these.
func TestCounted(t *testing.T) {
	file, _ := hcl.Parse([]byte(examples.First), "lab.hcl", hcl.Options{Backend: "icount"})
	require.NotNil(t, file)
	test := file.Lab.Cells[0].Tests[0]
	require.Zero(t, test.Block)
	require.Equal(t, 2000, test.Transactions)
	require.Equal(t, 1, test.Rounds)
	require.Equal(t, 1, test.Boots)
	require.Equal(t, 1, test.Priority, "among equals in the real-time class nobody is preempted")

	file, _ = hcl.Parse([]byte(examples.First), "lab.hcl", hcl.Options{})
	require.NotNil(t, file)
	require.Greater(t, file.Lab.Cells[0].Tests[0].Block, time.Duration(0))
	require.Zero(t, file.Lab.Cells[0].Tests[0].Priority)
}

// TestARenamedLabCountsTheSame: nothing meets a guest that counts, so its addresses do
// not depend on what its lab is called; on a segment that others may be on they do.
func TestARenamedLabCountsTheSame(t *testing.T) {
	macs := func(name, backend string) (all []string) {
		lab := strings.Replace(examples.First, `lab "first"`, fmt.Sprintf("lab %q", name), 1)
		file, _ := hcl.Parse([]byte(lab), "lab.hcl", hcl.Options{Backend: backend})
		require.NotNil(t, file)
		require.Equal(t, name, file.Lab.Name)
		for _, m := range file.Lab.Cells[0].Machines {
			for _, nic := range m.NICs {
				all = append(all, nic.MAC)
			}
		}
		return all
	}
	require.Len(t, macs("a", "icount"), 2)
	require.Equal(t, macs("a", "icount"), macs("b", "icount"))
	require.NotEqual(t, macs("a", "icount")[0], macs("a", "icount")[1])
	require.NotEqual(t, macs("a", "libvirt"), macs("b", "libvirt"))
}

// TestACalibrationWaitsOnTheGuestsClock: what only waits is refused where instructions
// are counted, but to whoever looks for the wait itself.
func TestACalibrationWaitsOnTheGuestsClock(t *testing.T) {
	_, refused := hcl.Load("../examples/calibration.hcl", hcl.Options{Backend: "icount"})
	require.Contains(t, rendered(t, refused), "waiting takes no instructions")

	file, diags := hcl.Load("../examples/calibration.hcl", hcl.Options{Backend: "icount", Waits: true})
	require.Zero(t, diags.Len(), rendered(t, diags))
	require.Equal(t, 8, file.Lab.Cells[0].Tests[0].Boots)
	require.EqualValues(t, 1500, file.Lab.Cells[0].Tests[0].Transactions)
}
