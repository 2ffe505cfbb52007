package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/matrix"
	"github.com/testbed-lab/testbed/internal/payload"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/testbed"
)

const matrixHelp = `Measure a lab's matrix cell by cell, on as many machines as there are.

Each cell leaves its result in a folder that the machines share; when all are
there they become one result. testbed run does the same on this machine alone.

  testbed matrix list lab.hcl                           the cells, by number
  testbed matrix cell 3 lab.hcl --out /shared/cells     one of them, by hand
  testbed matrix submit --engine slurm lab.hcl --out /shared/cells
  testbed matrix collect /shared/cells                  one result of all`

func (a *app) matrixCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "matrix",
		Short: "Measure the cells of a matrix apart, on many machines",
		Long:  matrixHelp,
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.matrixListCommand(), a.matrixCellCommand(), a.matrixSubmitCommand(), a.matrixCollectCommand())
	return cmd
}

// numberedCell is a cell as matrix list prints it.
type numberedCell struct {
	Cell        int               `json:"cell"`
	Coordinates map[string]string `json:"coordinates"`
}

func (a *app) matrixListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [LAB]",
		Short: "List a lab's cells with their numbers, from 1",
		Args:  args(cobra.MaximumNArgs(1)),
	}
	a.varFlag(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print as JSON")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		lab, err := a.load(cmd.Context(), given, listingRead)
		if err != nil {
			return err
		}
		id := matrix.IdentityOf(lab.Lab, testbed.Tool{})
		if *asJSON {
			all := []numberedCell{}
			for i, at := range id.Cells {
				all = append(all, numberedCell{i + 1, at})
			}
			return a.printJSON(all)
		}
		return a.printCells(id.Cells)
	}
	return cmd
}

func (a *app) printCells(cells []map[string]string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	names := slices.Sorted(maps.Keys(cells[0]))
	fmt.Fprint(w, "CELL")
	for _, name := range names {
		fmt.Fprint(w, "\t", name)
	}
	fmt.Fprintln(w)
	for i, cell := range cells {
		fmt.Fprint(w, i+1)
		for _, name := range names {
			fmt.Fprint(w, "\t", cell[name])
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// cellNumber reads which cell of a lab is meant.
func cellNumber(lab *run.Lab, text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > len(lab.Cells) {
		return 0, usageError{fmt.Errorf("lab %q has no cell %q: its cells are 1 to %d", lab.Name, text, len(lab.Cells)), "testbed matrix list " + relative(lab.Source)}
	}
	return number, nil
}

// openCells joins the folder in which a lab's cells gather.
func (a *app) openCells(ctx context.Context, lab *run.Lab, dir string) (*matrix.Folder, error) {
	if dir == "" {
		return nil, usageError{errors.New("no folder for the cells"), "name one that all machines share: --out DIR"}
	}
	if err := a.portable(ctx, lab); err != nil {
		return nil, err
	}
	agent, err := payload.AgentDigest()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{filepath.Base(lab.Source): lab.Text}
	lock, err := os.ReadFile(images.LockPath(lab.Source))
	switch {
	case err == nil:
		files[filepath.Base(images.LockPath(lab.Source))] = lock
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	folder, err := matrix.Open(dir, matrix.IdentityOf(lab.Lab, testbed.Tool{Version: toolVersion(), AgentSHA256: agent}), files)
	var other *matrix.OtherError
	switch {
	case errors.As(err, &other):
		return nil, usageError{err, other.Hint()}
	case err != nil:
		return nil, usageError{err, "name a folder for the cells alone: --out DIR"}
	}
	return folder, nil
}

// portable refuses a lab that means something else as a copy in another folder, or on
// another machine: one with paths that begin where the lab file is.
func (a *app) portable(ctx context.Context, lab *run.Lab) error {
	elsewhere := filepath.Join(filepath.Dir(lab.Source), "elsewhere", filepath.Base(lab.Source))
	copied, diagnostics := hcl.Parse(lab.Text, elsewhere, hcl.Options{
		Vars: lab.Variables, Backend: backendFlag(lab.Backend), Kernels: a.kernelsOf(ctx, lab.Source, listingRead),
	})
	same := func(a, b testbed.Image) bool {
		return a.Kernel == b.Kernel && a.Modules == b.Modules && a.Tree == b.Tree && a.Deb == b.Deb
	}
	if diagnostics.HasErrors() || !slices.EqualFunc(lab.Images, copied.Lab.Images, same) {
		return usageError{fmt.Errorf("%s has paths that begin where it lies, and would not mean the same as a copy or on another machine", relative(lab.Source)), "write paths that begin with / and are the same on all machines"}
	}
	return nil
}
