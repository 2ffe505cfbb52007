package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/provision/local"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/report/bundle"
	"github.com/testbed-lab/testbed/testbed"
)

func (a *app) reproduceCommand() *cobra.Command {
	var store run.Store
	o := comparing{marginFlag: "margin"}
	cmd := &cobra.Command{
		Use:   "reproduce BUNDLE",
		Short: "Measure what a bundle holds again, and say whether it agrees",
		Long: "Verify a bundle (testbed report --bundle), take its images or build them as\n" +
			"they were locked, run its lab with the same variables and seed, and judge each\n" +
			"figure: reproduced within the margin, different, or inconclusive. Times are\n" +
			"judged by their ratio to host, for this is another machine; counts of\n" +
			"instructions by themselves. What differs between the two machines is listed.\n\n" +
			"Exit status: 0 reproduced; 3 something is different; 4 inconclusive.",
		Args: args(cobra.ExactArgs(1)),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.margin, "margin", "10%", "a difference up to `SHARE` agrees")
	flags.StringVar(&o.metric, "metric", "p50", "judge by `METRIC`: p50, p90, p99, p999, mean\nor rate")
	flags.StringVar(&o.format, "format", "terminal", "print as `FORMAT`: terminal, json, markdown, junit,\nktap or github")
	flags.StringVar(&store.Dir, "out", "", "write the result to `DIR` (default:\nresults/LAB/TIME)")
	store.Root = "results"
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if err := o.check(); err != nil {
			return err
		}
		if err := store.Check(); err != nil {
			return usageError{err, "name another folder with --out"}
		}
		return a.reproduce(cmd.Context(), given[0], store, o)
	}
	return cmd
}

// reproduce unpacks a bundle, measures, and judges.
func (a *app) reproduce(ctx context.Context, path string, store run.Store, o comparing) (err error) {
	parent, err := os.MkdirTemp("", "testbed-reproduce-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(parent)) }()
	dir := filepath.Join(parent, "bundle")
	base, err := unpackResult(path, dir)
	if err != nil {
		return err
	}
	lab, err := a.bundledLab(ctx, dir, base.Result)
	if err != nil {
		return err
	}
	if lab.Backend == "local" && local.NeedsContainment() {
		return exitStatus(local.Contain())
	}
	options := o.options()
	options.Elsewhere = true
	kept, err := a.again(ctx, lab, store)
	if err != nil {
		return err
	}
	// As it is stored, since the bundle's is.
	again, blocks, err := report.Read(kept)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "report: %s\n", filepath.Join(kept, report.PageFile))
	all, err := report.Compare(base, []report.CompareSide{{Path: kept, Result: again, Blocks: blocks}}, options)
	if err != nil {
		return err
	}
	if err := a.showComparison(all, o.format); err != nil {
		return err
	}
	return verdictStatus(report.Worst(all))
}

// unpackResult verifies a bundle and reads the result in it.
func unpackResult(path, dir string) (report.CompareSide, error) {
	file, err := os.Open(path)
	if err != nil {
		return report.CompareSide{}, usageError{err, "name a bundle, as testbed report --bundle makes one"}
	}
	defer file.Close()
	if _, err := bundle.Read(file, dir); err != nil {
		return report.CompareSide{}, usageError{fmt.Errorf("%s: %w", path, err), "get the bundle again from where it came"}
	}
	result, blocks, err := report.Read(dir)
	if err != nil {
		return report.CompareSide{}, usageError{fmt.Errorf("%s: %w", path, err), "it was packed by another version of testbed"}
	}
	return report.CompareSide{Path: path, Result: result, Blocks: blocks}, nil
}

// bundledLab is the lab of a bundle, as it was run.
func (a *app) bundledLab(ctx context.Context, dir string, r testbed.Result) (*run.Lab, error) {
	if r.Backend == "ssh" {
		return nil, usageError{errors.New("the bundle's machines existed, and nobody else has them"), "write your own into the machine blocks of a copy of its lab file, run that, and compare"}
	}
	if filepath.Base(r.LabFile) != r.LabFile {
		return nil, usageError{fmt.Errorf("the bundle's lab file is called %q", r.LabFile), "get the bundle again from where it came"}
	}
	path := filepath.Join(dir, r.LabFile)
	file, diagnostics := hcl.Load(path, hcl.Options{Vars: r.Variables, Backend: r.Backend, Kernels: a.kernelsOf(ctx, path, listingRead)})
	if err := a.diagnose(diagnostics); err != nil {
		return nil, err
	}
	lab := ready(file)
	if lab.Backend != r.Backend { // Not where somebody else's file would have us log in.
		return nil, usageError{fmt.Errorf("the bundle's result is of backend %q, and its lab asks for %q", r.Backend, lab.Backend), "get the bundle again from where it came"}
	}
	if r.Against == "" {
		return lab, nil
	}
	image, err := baseImage(file, r.Against)
	if err != nil {
		return nil, err
	}
	return lab.Against(image)
}

// again runs a lab, and gives the folder of its result.
func (a *app) again(ctx context.Context, lab *run.Lab, store run.Store) (kept string, err error) {
	s, err := a.open(ctx, lab)
	if err != nil {
		return "", err
	}
	defer s.close()
	s.takeKept(lab)
	s.conductor.Scratch = store.Scratch(lab.Name)
	o, err := s.conductor.Run(ctx, lab)
	if err = goneError(err); o == nil {
		return "", errors.Join(err, errors.New("nothing was measured"))
	}
	kept, saveErr := store.Save(lab, s.lockPath, o)
	return kept, errors.Join(err, saveErr)
}
