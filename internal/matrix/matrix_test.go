package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/testbed-lab/testbed/testbed"
)

// twelve is a lab with as many cells.
func twelve() testbed.Lab {
	lab := testbed.Lab{Name: "kernels", Digest: "d1", Backend: "local", Source: "/labs/kernels.hcl", Variables: map[string]string{"rounds": "6"}}
	for _, size := range []string{"1", "100", "1000"} {
		for _, kernel := range []string{"a", "b", "c", "d"} {
			lab.Cells = append(lab.Cells, testbed.Cell{Coordinates: []testbed.Coordinate{{Name: "size", Value: size}, {Name: "kernel", Value: kernel}}})
		}
	}
	return lab
}

var tool = testbed.Tool{Version: "1.2", AgentSHA256: "aa"}

func open(dir string) (*Folder, error) {
	return Open(dir, IdentityOf(twelve(), tool), map[string][]byte{"kernels.hcl": []byte("lab")})
}

func opened(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := open(dir)
	require.NoError(t, err)
	return f
}

func (f *Folder) where(number int) testbed.CellEnvironment {
	return testbed.CellEnvironment{Cell: f.Identity.Cells[number-1], Node: "n1", Host: map[string]any{"cpus": 2}}
}

// result writes one with a text.
func result(text string) func(string) error {
	return func(dir string) error {
		return errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "result.json"), []byte(text), 0o644))
	}
}

func put(t *testing.T, f *Folder, number int, text string) bool {
	t.Helper()
	first, err := f.Put(number, f.where(number), result(text))
	require.NoError(t, err)
	return first
}

func TestTheFirstCounts(t *testing.T) {
	f := opened(t, t.TempDir())
	require.True(t, put(t, f, 3, "first"))
	require.False(t, put(t, f, 3, "second"))
	c, there, err := f.Find(3)
	require.NoError(t, err)
	require.True(t, there)
	require.Equal(t, f.ResultPath(3), c.Result)
	require.Equal(t, json.Number("2"), c.Where.Host["cpus"])
	text, err := os.ReadFile(filepath.Join(c.Result, "result.json"))
	require.NoError(t, err)
	require.Equal(t, "first", string(text))
	require.Equal(t, "cell 3 kernel=c size=1 (n1)", c.Title(f.Identity))
	entries, err := os.ReadDir(f.in(cellsFolder))
	require.NoError(t, err)
	require.Len(t, entries, 1, "the second is dropped")
}

// Many machines at once: one identity, each cell once.
func TestMachinesAtOnce(t *testing.T) {
	dir := t.TempDir()
	var firsts atomic.Int32
	var all errgroup.Group
	for range 4 {
		all.Go(func() error {
			f, err := open(dir)
			for number := 1; err == nil && number <= 12; number++ {
				var first bool
				if first, err = f.Put(number, f.where(number), result("x")); first {
					firsts.Add(1)
				}
			}
			return err
		})
	}
	require.NoError(t, all.Wait())
	require.EqualValues(t, 12, firsts.Load())
	f, err := Read(dir)
	require.NoError(t, err)
	there, missing, err := f.Cells()
	require.NoError(t, err)
	require.Len(t, there, 12)
	require.Empty(t, missing)
	text, err := os.ReadFile(f.LabPath())
	require.NoError(t, err)
	require.Equal(t, "lab", string(text))
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestMissing(t *testing.T) {
	f := opened(t, t.TempDir())
	put(t, f, 2, "x")
	failed := f.where(4)
	failed.Failure = "no room"
	first, err := f.Put(4, failed, nil)
	require.NoError(t, err)
	require.True(t, first)
	require.NoError(t, os.MkdirAll(f.in(cellsFolder, ".cell-123", resultFolder), 0o755), "one that was never finished")
	there, missing, err := f.Cells()
	require.NoError(t, err)
	require.Equal(t, []int{1, 3, 5, 6, 7, 8, 9, 10, 11, 12}, missing)
	require.Equal(t, "1,3,5-12", Ranges(missing))
	require.Equal(t, "no room", there[1].Where.Failure, "a cell that failed is no hole")
	require.Empty(t, there[1].Result)
}

func TestPutFails(t *testing.T) {
	f := opened(t, t.TempDir())
	_, err := f.Put(1, f.where(1), func(dir string) error { return errors.Join(os.Mkdir(dir, 0o755), errors.New("disk full")) })
	require.ErrorContains(t, err, "disk full")
	entries, err := os.ReadDir(f.in(cellsFolder))
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestAnotherExperiment(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testbed.Lab, *testbed.Tool)
		says   string
	}{
		"lab file":  {func(l *testbed.Lab, _ *testbed.Tool) { l.Digest = "d2" }, "lab file (SHA-256) is d1 there, and d2 here"},
		"lab":       {func(l *testbed.Lab, _ *testbed.Tool) { l.Name = "other" }, "lab is kernels there, and other here"},
		"backend":   {func(l *testbed.Lab, _ *testbed.Tool) { l.Backend = "icount" }, "backend is local there, and icount here"},
		"variables": {func(l *testbed.Lab, _ *testbed.Tool) { l.Variables = nil }, "variables are map[rounds:6] there"},
		"version":   {func(_ *testbed.Lab, tool *testbed.Tool) { tool.Version = "1.3" }, "version of testbed is 1.2 there, and 1.3 here"},
		"agent":     {func(_ *testbed.Lab, tool *testbed.Tool) { tool.AgentSHA256 = "bb" }, "agent (SHA-256) is aa there, and bb here"},
		"cells":     {func(l *testbed.Lab, _ *testbed.Tool) { l.Cells = l.Cells[1:] }, "cells are others"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			opened(t, dir)
			lab, other := twelve(), tool
			c.change(&lab, &other)
			_, err := Open(dir, IdentityOf(lab, other), nil)
			var refusal *OtherError
			require.ErrorAs(t, err, &refusal)
			require.ErrorContains(t, err, c.says)
			require.Contains(t, refusal.Hint(), "--out")
		})
	}
}

func TestFoldersThatHoldSomethingElse(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o644))
	_, err := Open(dir, IdentityOf(twelve(), tool), nil)
	require.ErrorContains(t, err, "it has thesis.tex")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing was made")

	_, err = Read(dir)
	require.ErrorContains(t, err, "holds no cells")
	require.NoError(t, os.Mkdir(filepath.Join(dir, identityFolder), 0o755))
	for text, says := range map[string]string{
		`{`: "unexpected end", `{"schema": "testbed.matrix/v9"}`: `its schema is "testbed.matrix/v9"`,
		`{"schema": "testbed.matrix/v1", "lab_file": "../lab.hcl"}`: `its lab file is called "../lab.hcl"`,
		`{"schema": "testbed.matrix/v1", "cells": 3}`:               "cannot unmarshal",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, identityFolder, identityFile), []byte(text), 0o644))
		_, err = Read(dir)
		require.ErrorContains(t, err, says)
	}
}

func TestCellsOfElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, f *Folder)
		says  string
	}{
		"of another lab":     {change(func(c *Cell) { c.LabDigest = "d2" }), "it is of another lab file (SHA-256 d2)"},
		"of another version": {change(func(c *Cell) { c.Tool.Version = "1.1" }), "another version of testbed, 1.1"},
		"another cell":       {change(func(c *Cell) { c.Number = 2 }), "it is cell 2"},
		"other coordinates":  {change(func(c *Cell) { c.Where.Cell = map[string]string{"size": "7"} }), "it is cell 1 map[size:7]"},
		"no JSON":            {func(t *testing.T, f *Folder) { write(t, f.in(cellsFolder, "0001", cellFile), "") }, "unexpected end"},
		"half of it":         {func(t *testing.T, f *Folder) { require.NoError(t, os.RemoveAll(f.ResultPath(1))) }, "it has no result"},
		"no cell":            {func(t *testing.T, f *Folder) { write(t, f.in(cellsFolder, "0013"), "") }, "0013 is no cell of lab"},
		"not our name":       {func(t *testing.T, f *Folder) { write(t, f.in(cellsFolder, "1"), "") }, "1 is no cell of lab"},
		"no record":          {func(t *testing.T, f *Folder) { require.NoError(t, os.Remove(f.in(cellsFolder, "0001", cellFile))) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			f := opened(t, t.TempDir())
			put(t, f, 1, "x")
			c.spoil(t, f)
			_, _, err := f.Cells()
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "remove", "the remedy")
		})
	}
}

func write(t *testing.T, path, text string) {
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func change(what func(*Cell)) func(*testing.T, *Folder) {
	return func(t *testing.T, f *Folder) {
		path := f.in(cellsFolder, "0001", cellFile)
		var c Cell
		require.NoError(t, readJSON(path, cellSchema, &c))
		what(&c)
		require.NoError(t, writeJSON(path, c))
	}
}

// fakeSbatch is a program of that name that notes how it was called.
func fakeSbatch(t *testing.T, script string) (log string) {
	t.Helper()
	bin := t.TempDir()
	log = filepath.Join(bin, "log")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "sbatch"), []byte("#!/bin/sh\n{ pwd; printf '%s\\n' \"$@\"; } >"+log+"\n"+script), 0o755))
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	return log
}

func TestSubmit(t *testing.T) {
	log := fakeSbatch(t, "echo '17;main'\n")
	f := opened(t, filepath.Join(t.TempDir(), "it's shared"))
	job := Job{Command: []string{"/opt/test bed", "matrix", "cell", Number, "--var", "a=$b"}, Exclusive: true, Cells: []int{1, 2, 5}, Options: []string{"--time=10"}}
	require.Empty(t, f.Task([]int{1}), "nothing was handed to Slurm yet")
	id, err := f.Submit(context.Background(), job)
	require.NoError(t, err)
	require.Equal(t, "17", id)
	called, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, f.Dir+"\n--parsable\n--array=1-2,5\n--time=10\ntask.sh\n", string(called))
	script, err := os.ReadFile(f.in(taskFile))
	require.NoError(t, err)
	require.Equal(t, `#!/bin/sh
# Runs one cell of the matrix on a node.
#SBATCH --job-name=testbed-kernels
#SBATCH --output=logs/%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --exclusive
exec '/opt/test bed' matrix cell "$SLURM_ARRAY_TASK_ID" --var 'a=$b'
`, string(script))
	require.DirExists(t, f.in(logsFolder), "without it each task fails")
	require.True(t, strings.HasSuffix(f.Task([]int{3, 4}), `shared' && sbatch --array=3-4 task.sh`), f.Task([]int{3, 4}))
}

func TestSubmitFails(t *testing.T) {
	f := opened(t, t.TempDir())
	fakeSbatch(t, "echo 'sbatch: error: invalid partition' >&2\nexit 1\n")
	_, err := f.Submit(context.Background(), Job{Cells: []int{1}})
	require.ErrorContains(t, err, "submit cells: sbatch: exit status 1: sbatch: error: invalid partition")
	t.Setenv("PATH", t.TempDir())
	_, err = f.Submit(context.Background(), Job{Cells: []int{1}})
	require.ErrorContains(t, err, "slurm-client")
}
