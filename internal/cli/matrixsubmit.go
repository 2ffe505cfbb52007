package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/matrix"
	"github.com/testbed-lab/testbed/internal/run"
)

const matrixSubmitHelp = `Hand the cells of a lab's matrix to Slurm, as a job array: one cell a task.

DIR and this program have to be at the same paths on all nodes. A copy of the
lab and of its lock file goes into DIR, with the task; the logs of tasks are in
DIR/logs. Each task gets a node for itself, but where instructions are counted.
One whose node dies is queued again by Slurm. Cells that are in DIR already are
not submitted.`

func (a *app) matrixSubmitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "submit --engine slurm [LAB]",
		Short:   "Hand the cells to Slurm, one a task",
		Long:    matrixSubmitHelp,
		Example: "  testbed matrix submit --engine slurm lab.hcl --out /shared/cells \\\n    --sbatch '--partition=long --time=30'",
		Args:    args(cobra.MaximumNArgs(1)),
	}
	a.varFlag(cmd)
	flags := cmd.Flags()
	engine := flags.String("engine", "", "what to hand them to: slurm")
	out := flags.String("out", "", "gather the cells in `DIR`, which all nodes share")
	options := flags.StringArray("sbatch", nil, "give sbatch these `OPTIONS` too, words separated by\nspaces")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if *engine != "slurm" {
			return usageError{fmt.Errorf("no engine %q", *engine), "--engine takes slurm; for any other run in its tasks: testbed matrix cell K"}
		}
		lab, err := a.loadToRun(cmd.Context(), given)
		if err != nil {
			return err
		}
		return a.submit(cmd.Context(), lab, *out, strings.Fields(strings.Join(*options, " ")))
	}
	return cmd
}

func (a *app) submit(ctx context.Context, lab *run.Lab, out string, options []string) error {
	if lab.Backend == "ssh" {
		return usageError{errors.New("the machines of this lab exist, and all nodes would measure on the same ones"), "testbed run measures its cells in turns"}
	}
	if err := pinned(lab); err != nil {
		return err
	}
	folder, err := a.openCells(ctx, lab, out)
	if err != nil {
		return err
	}
	_, missing, err := folder.Cells()
	if err != nil {
		return err
	}
	collect := "testbed matrix collect " + relative(folder.Dir)
	if len(missing) == 0 {
		fmt.Fprintf(a.stderr, "all %d cells are there already: %s\n", len(lab.Cells), collect)
		return nil
	}
	command, err := a.task(folder)
	if err != nil {
		return err
	}
	id, err := folder.Submit(ctx, matrix.Job{Command: command, Exclusive: lab.Backend != "icount", Cells: missing, Options: options})
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, id)
	fmt.Fprintf(a.stderr, "submitted %d cells as job %s; when they are done: %s\n", len(missing), id, collect)
	return nil
}

// pinned refuses a lab whose nodes would each resolve images by themselves, and boot
// what the mirror has at the time.
func pinned(lab *run.Lab) error {
	if lab.Backend != "libvirt" && lab.Backend != "icount" {
		return nil
	}
	lock, err := images.ReadLock(images.LockPath(lab.Source))
	if err != nil {
		return err
	}
	if names := lock.Unpinned(lab.Images); len(names) > 0 {
		return usageError{fmt.Errorf("the lock file of %s does not pin image %s: nodes might boot different ones", relative(lab.Source), strings.Join(names, ", ")), "testbed images build " + relative(lab.Source)}
	}
	return nil
}

// task is the command that runs a cell on a node.
func (a *app) task(folder *matrix.Folder) ([]string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := []string{program, "matrix", "cell", matrix.Number, folder.LabPath(), "--out", folder.Dir}
	if a.where != "" {
		command = append(command, "--backend", a.where)
	}
	if a.connect != "" {
		command = append(command, "--connect", a.connect)
	}
	for _, name := range slices.Sorted(maps.Keys(folder.Identity.Variables)) {
		command = append(command, "--var", name+"="+folder.Identity.Variables[name])
	}
	return command, nil
}
