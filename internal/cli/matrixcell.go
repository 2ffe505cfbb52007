package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/internal/matrix"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/provision/local"
)

const matrixCellHelp = `Measure one cell of a lab's matrix and leave its result in a folder.

K is its number in testbed matrix list, from 1. The folder may be shared by many
machines: a cell appears in it whole or not at all, and the first result counts.
Where the cell is there already, nothing is measured. A cell that fails leaves
that it did, and why; one that was interrupted leaves nothing.

Exit status: 0 the cell is there; 1 it failed; 2 the command line is wrong.
Expectations are judged when all cells are there: testbed matrix collect.`

func (a *app) matrixCellCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cell K [LAB]",
		Short: "Measure one cell",
		Long:  matrixCellHelp,
		Args:  args(cobra.RangeArgs(1, 2)),
	}
	a.varFlag(cmd)
	out := cmd.Flags().String("out", "", "leave the result in `DIR`")
	node := cmd.Flags().String("node", "", "call this machine `NAME` (default: as Slurm does,\nor its host name)")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		lab, err := a.loadToRun(cmd.Context(), given[1:])
		if err != nil {
			return err
		}
		number, err := cellNumber(lab, given[0])
		if err != nil {
			return err
		}
		folder, err := a.openCells(cmd.Context(), lab, *out)
		if err != nil {
			return err
		}
		if there, err := a.alreadyThere(folder, number); there || err != nil {
			return err
		}
		if lab.Backend == "local" && local.NeedsContainment() {
			return exitStatus(local.Contain())
		}
		return a.measureCell(cmd.Context(), lab, folder, number, cmp.Or(*node, nodeName()))
	}
	return cmd
}

// nodeName is what the cluster calls this machine, or it itself. Several of Slurm's nodes
// may be one machine.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return cmp.Or(os.Getenv("SLURMD_NODENAME"), host)
}

// alreadyThere says so of a cell that is.
func (a *app) alreadyThere(folder *matrix.Folder, number int) (bool, error) {
	cell, there, err := folder.Find(number)
	if there {
		fmt.Fprintf(a.stderr, "%s is there already: the first one counts\n", cell.Title(folder.Identity))
	}
	return there, err
}

func (a *app) measureCell(ctx context.Context, lab *run.Lab, folder *matrix.Folder, number int, node string) error {
	s, err := a.open(ctx, lab)
	if err != nil { // Of this machine, and no result of the cell.
		return err
	}
	defer s.close()
	s.conductor.Scratch = folder.Scratch()
	outcome, where, failure := s.conductor.RunCell(ctx, lab, number, node)
	if ctx.Err() != nil {
		outcome.Discard()
		return failure
	}
	first, err := folder.Put(number, where, resultOf(lab, s, outcome))
	s.display.Close()
	switch {
	case err != nil:
		return errors.Join(failure, err)
	case !first:
		_, err := a.alreadyThere(folder, number)
		return err
	case failure != nil:
		return remedied{failure, fmt.Sprintf("the folder says so too; to measure the cell again: rm -r %s", relative(filepath.Dir(folder.ResultPath(number))))}
	}
	fmt.Fprintf(a.stderr, "%s: %s\n", folder.Identity.Title(number), relative(folder.ResultPath(number)))
	return nil
}

// resultOf writes what a cell gave; nil where that is nothing.
func resultOf(lab *run.Lab, s *session, o *run.Outcome) func(dir string) error {
	if o == nil {
		return nil
	}
	return func(dir string) error {
		_, err := run.Store{Dir: dir}.Save(lab, s.lockPath, o)
		return err
	}
}
