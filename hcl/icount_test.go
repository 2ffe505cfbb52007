package hcl_test

import (
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
