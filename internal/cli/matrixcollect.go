package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/matrix"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/report"
)

const matrixCollectHelp = `Make one result and report of all cells in a folder.

Cells of different machines (node, CPU model, QEMU) are never compared with each
other: the report has a table of each machine's cells. --force compares them all
the same, and every output says so. Counted instructions depend on no machine.

Exit status: as of testbed run; 1 also where a cell is missing or has failed.`

func (a *app) matrixCollectCommand() *cobra.Command {
	var store run.Store
	store.Root = "results"
	cmd := &cobra.Command{
		Use:   "collect DIR",
		Short: "Make one result of all cells in a folder",
		Long:  matrixCollectHelp,
		Args:  args(cobra.ExactArgs(1)),
	}
	flags := cmd.Flags()
	flags.StringVar(&store.Dir, "out", "", "write the result to `DIR` (default:\nresults/LAB/TIME)")
	asJSON := flags.Bool("json", false, "print the result as JSON")
	force := flags.Bool("force", false, "compare cells of different machines, and say so")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if err := store.Check(); err != nil {
			return usageError{err, "name another folder with --out"}
		}
		return a.collect(cmd.Context(), given[0], store, *force, *asJSON)
	}
	return cmd
}

func (a *app) collect(ctx context.Context, dir string, store run.Store, force, asJSON bool) error {
	folder, err := matrix.Read(dir)
	if err != nil {
		return usageError{err, "name the folder of testbed matrix cell or submit"}
	}
	cells, missing, err := folder.Cells()
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return missingError{folder, missing}
	}
	lab, err := a.labOf(ctx, folder)
	if err != nil {
		return err
	}
	var parts []run.Part
	var failures []error
	for _, c := range cells {
		parts = append(parts, run.Part{Where: c.Where, Dir: c.Result})
		if c.Where.Failure != "" {
			failures = append(failures, fmt.Errorf("node %s: %s", c.Where.Node, c.Where.Failure))
		}
	}
	failure := errors.Join(failures...)
	outcome, err := lab.Gather(parts, force, store.Scratch(lab.Name))
	if err != nil {
		return errors.Join(failure, err)
	}
	saved, err := store.Save(lab, lockOf(folder, cells), outcome)
	if err != nil {
		return err
	}
	if err := a.show(outcome.Result, saved, asJSON); err != nil {
		return err
	}
	if report.Apart(outcome.Result) && !outcome.Result.Environment.Mixed {
		fmt.Fprintln(a.stderr, "cells of different machines are not compared with each other; --force compares them")
	}
	if failure != nil {
		return failure
	}
	return verdict(outcome.Result)
}

// labOf is the lab whose cells a folder holds.
func (a *app) labOf(ctx context.Context, folder *matrix.Folder) (*run.Lab, error) {
	id := folder.Identity
	file, diagnostics := hcl.Load(folder.LabPath(), hcl.Options{
		Vars: id.Variables, Backend: backendFlag(id.Backend), Kernels: a.kernelsOf(ctx, folder.LabPath(), listingRead),
	})
	if err := a.diagnose(diagnostics); err != nil {
		return nil, err
	}
	if file.Lab.Digest != id.LabDigest {
		return nil, fmt.Errorf("%s is another file than the one that was measured: its SHA-256 is %s", folder.LabPath(), file.Lab.Digest)
	}
	return ready(file), nil
}

// lockOf is the lock file by which the cells' images were built: they had all the same.
func lockOf(folder *matrix.Folder, cells []matrix.Cell) string {
	path := images.LockPath(folder.LabPath())
	for _, c := range cells {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path
		}
		path = filepath.Join(c.Result, filepath.Base(path))
	}
	return path
}

// mostTitles is how many missing cells are named by more than their number.
const mostTitles = 20

// missingError names the cells that are not there.
type missingError struct {
	folder  *matrix.Folder
	numbers []int
}

func (e missingError) Error() string {
	var titles []string
	for i, number := range e.numbers {
		if i == mostTitles {
			titles = append(titles, "and cells "+matrix.Ranges(e.numbers[i:]))
			break
		}
		titles = append(titles, e.folder.Identity.Title(number))
	}
	return fmt.Sprintf("%d of %d cells are missing in %s: %s", len(e.numbers), len(e.folder.Identity.Cells), relative(e.folder.Dir), strings.Join(titles, "; "))
}

// Hint is how they get there.
func (e missingError) Hint() string {
	if again := e.folder.Task(e.numbers); again != "" {
		return "wait for them (squeue), or hand them to Slurm again: " + again
	}
	return fmt.Sprintf("testbed matrix cell %d %s --out %s", e.numbers[0], relative(e.folder.LabPath()), relative(e.folder.Dir))
}
