package slurm

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

const cells = 12

// TestANodeDies hands twelve cells to two nodes, kills one in the middle with what runs on
// it, and holds that each cell is there once in the end, and all in one result.
func TestANodeDies(t *testing.T) {
	c := newCluster(t)
	lab, err := os.ReadFile("testdata/cells.hcl")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.in("cells.hcl"), lab, 0o644))
	shared := c.in("shared")

	id, said, status := c.run(suite.Program, "matrix", "submit", "--engine", "slurm", "cells.hcl", "--out", shared, "--sbatch", "--time=30 --mem=0")
	require.Zero(t, status, said)
	require.Regexp(t, `^\d+\n$`, id)
	require.Contains(t, said, "submitted 12 cells as job "+strings.TrimSpace(id))

	killed := c.killNode("n2", shared)
	_, missing, status := c.run(suite.Program, "matrix", "collect", shared)
	require.Equal(t, 1, status)
	require.Contains(t, missing, fmt.Sprintf("cell %d nodelay=", killed))

	c.await("twelve cells", func() bool { return len(there(shared)) == cells })
	c.await("an empty queue", func() bool { return c.ask("squeue", "-h") == "" })
	out, said, status := c.run(suite.Program, "matrix", "collect", shared, "--out", c.in("result"))
	require.Zero(t, status, said)
	require.Contains(t, out, "slurm-cells")
	c.checkResult(killed)
	c.requireNothingLeft()

	require.Contains(t, read(t, filepath.Join(shared, "logs", strconv.Itoa(killed)+".log")), fmt.Sprintf("cell %d ", killed))
	_, said, status = c.run(suite.Program, "matrix", "submit", "--engine", "slurm", "cells.hcl", "--out", shared)
	require.Zero(t, status, said)
	require.Contains(t, said, "all 12 cells are there already")
}

// there are the cells that a folder has.
func there(shared string) []string {
	files, _ := filepath.Glob(filepath.Join(shared, "cells", "[0-9]*"))
	return files
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// killNode waits until a node has left a cell and is at work on another, and kills it in
// the middle of that one. It gives that cell's number.
func (c *cluster) killNode(node, shared string) (killed int) {
	c.t.Helper()
	on := func(e environment) bool {
		return e.get("SLURMD_NODENAME") == node && e.get("SLURM_ARRAY_TASK_ID") != ""
	}
	c.await("a cell in the middle on "+node, func() bool {
		if len(there(shared)) < 2 || !measuredOn(node, shared) {
			return false
		}
		// Stopped, it cannot end between this look and the kill.
		for _, pid := range marked(on) {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		for _, pid := range marked(on) {
			killed = taskOf(pid)
		}
		if _, err := os.Stat(filepath.Join(shared, "cells", fmt.Sprintf("%04d", killed))); killed > 0 && err != nil {
			return true
		}
		for _, pid := range marked(on) {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
		return false
	})
	require.NoError(c.t, c.daemons[node].Process.Kill())
	// The step's process would tell the controller how the task has ended.
	for _, pid := range marked(on) {
		if parent := parentOf(pid); strings.HasPrefix(commandOf(parent), "slurmstepd") {
			_ = syscall.Kill(parent, syscall.SIGKILL)
		}
	}
	require.NoError(c.t, endMarked(on))
	return killed
}

// measuredOn says that a cell was.
func measuredOn(node, shared string) bool {
	files, _ := filepath.Glob(filepath.Join(shared, "cells", "[0-9]*", "cell.json"))
	return slices.ContainsFunc(files, func(file string) bool {
		text, _ := os.ReadFile(file)
		return strings.Contains(string(text), `"node": "`+node+`"`)
	})
}

// checkResult holds that each cell was measured once, in a task of either node, and the
// killed one on the node that lived.
func (c *cluster) checkResult(killed int) {
	c.t.Helper()
	var r testbed.Result
	require.NoError(c.t, json.Unmarshal([]byte(read(c.t, c.in("result/result.json"))), &r))
	require.Len(c.t, r.Tests, cells)
	require.Len(c.t, r.Environment.Cells, cells)
	on, seen := map[string]int{}, map[string]bool{}
	for i, test := range r.Tests {
		require.Equal(c.t, test.Cell, r.Environment.Cells[i].Cell)
		seen[fmt.Sprint(test.Cell)] = true
		for _, mode := range test.Modes {
			require.Equal(c.t, testbed.StatusOK, mode.Status, "%v: %s", test.Cell, mode.Reason)
		}
	}
	require.Len(c.t, seen, cells)
	for _, cell := range r.Environment.Cells {
		require.Empty(c.t, cell.Failure)
		require.NotEmpty(c.t, cell.Host["cpu_model"])
		on[cell.Node]++
	}
	require.Equal(c.t, cells, on["n1"]+on["n2"], "%v", on)
	require.Positive(c.t, on["n2"], "both nodes took part")
	require.Equal(c.t, "n1", r.Environment.Cells[killed-1].Node)
	page := read(c.t, c.in("result/report.html"))
	require.Contains(c.t, page, "tcp_rr by nodelay, request, response, on n1")
}
