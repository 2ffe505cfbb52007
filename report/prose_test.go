package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

func TestReproduceCommand(t *testing.T) {
	require.Equal(t, "testbed run lab.hcl", reproduceCommand(testbed.Result{LabFile: "lab.hcl"}))
	require.Equal(t, "testbed run lab.hcl", reproduceCommand(testbed.Result{Lab: "lab"}))
	require.Equal(t, `testbed run 'my lab.hcl' --var a=1 --var 'b=it'\''s $HOME'`, reproduceCommand(testbed.Result{
		LabFile: "my lab.hcl", Variables: map[string]string{"b": "it's $HOME", "a": "1"},
	}))
}
