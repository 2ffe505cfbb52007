package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/history"
	"github.com/testbed-lab/testbed/history/changepoint"
	"github.com/testbed-lab/testbed/report"
)

const historyHelp = `Keep results over time in one file, history.db in the store's folder, and say
what of them has changed for good.

Each figure of each mode of each test is a series, over results of one lab on
rigs that may be compared: another backend, accelerator, host, CPU model or
major version of QEMU is another series (counts are of no host). Of times there
are the ratio to host (by which days are comparable), p50 and p99; where
instructions are counted, those.

A change is one of level, up or down, found by E-divisive with a t-test; one
odd night is none. Several processes may use a store at once.`

// picking are the flags that choose series.
type picking struct {
	lab, test, mode, metric string
	cell                    []string
	only                    history.Only
}

func (a *app) historyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Keep results over time, and say what changed for good",
		Long:  historyHelp,
		Example: "  testbed history add --store history results/lab/latest\n" +
			"  testbed history check --store history   # a job's last line\n" +
			"  testbed history plot --store history",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	store := cmd.PersistentFlags().String("store", "", "the history is in `DIR`")
	cmd.AddCommand(a.historyAddCommand(store), a.historyListCommand(store), a.historyShowCommand(store), a.historyPlotCommand(store), a.historyCheckCommand(store))
	for _, verb := range cmd.Commands() {
		verb.PreRunE = func(*cobra.Command, []string) error {
			if *store == "" {
				return usageError{errors.New("no --store"), "name the history's folder: --store history"}
			}
			return nil
		}
	}
	return cmd
}

func (a *app) historyAddCommand(store *string) *cobra.Command {
	return &cobra.Command{
		Use:   "add RESULT...",
		Short: "Add results' folders; one that is there stays as it is",
		Long: "Add results by their folders, as testbed run writes them: all of those named, or\n" +
			"with an error none. The store keeps result.json and report.html, compressed, so\n" +
			"the folder may go. A result that is in the store stays as it is.",
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			var incoming []history.Incoming
			for _, dir := range given {
				in, err := history.Read(dir)
				if err != nil {
					return usageError{err, "nothing was added; give folders that hold a result.json that this version reads"}
				}
				incoming = append(incoming, in)
			}
			return withHistory(cmd.Context(), *store, history.Creating, func(s *history.Store) error {
				added, err := s.Add(incoming)
				if err != nil {
					return err
				}
				for i, one := range added {
					a.sayAdded(given[i], one)
				}
				return nil
			})
		},
	}
}

func (a *app) sayAdded(dir string, one history.Added) {
	what := fmt.Sprintf("added (%d KB)", (one.Bytes+999)/1000)
	if one.Known {
		what = "there already"
	}
	fmt.Fprintf(a.stdout, "%s: %s, lab %s of %s: %s\n", dir, shortID(one.ID), one.Lab, history.DateText(one.Started), what)
}

func shortID(id string) string { return id[:min(12, len(id))] }

// withHistory opens the store for as long as something is done with it.
func withHistory(ctx context.Context, dir string, access history.Access, do func(*history.Store) error) error {
	s, err := history.Open(ctx, dir, history.Options{Access: access})
	var missing *history.MissingError
	switch {
	case errors.As(err, &missing):
		return usageError{err, missing.Hint()}
	case err != nil:
		return err
	}
	return errors.Join(do(s), s.Close())
}

func (p *picking) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&p.lab, "lab", "", "series of `LAB` alone")
	flags.StringVar(&p.test, "test", "", "of `TEST` alone")
	flags.StringVar(&p.mode, "mode", "", "of `MODE` alone")
	flags.StringVar(&p.metric, "metric", "", "of `METRIC` alone: "+strings.Join(history.Metrics, ", "))
	flags.StringArrayVar(&p.cell, "cell", nil, "of cells of the matrix with `NAME=VALUE`")
	flags.StringVar(&p.only.Kernel, "kernel", "", "of what ran `RELEASE` alone, or one that begins so")
	flags.StringVar(&p.only.Host, "host", "", "of what was measured on the host `NAME` alone")
}

// judging are the flags of what counts as a change.
type judging struct {
	minChange string
	maxP      float64
}

func (j *judging) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&j.minChange, "min-change", "", "the least change is `SHARE` (default 2%; 0.5% where\ninstructions are counted)")
	cmd.Flags().Float64Var(&j.maxP, "max-p", changepoint.DefaultMaxP, "the largest p of a change is `P`, corrected for the\nplaces where it could be")
}

func (j *judging) read() (history.Judging, error) {
	how := history.Judging{MaxP: j.maxP}
	if j.minChange != "" {
		share, err := shareOf(j.minChange)
		if err != nil {
			return how, usageError{fmt.Errorf("--min-change: %w", err), "write a share of 1, or per cent: 0.02 or 2%"}
		}
		how.MinChange = &share
	}
	if !(j.maxP > 0 && j.maxP < 1) {
		return how, usageError{fmt.Errorf("--max-p: %v is not between 0 and 1", j.maxP), "write 0.001, or another probability"}
	}
	return how, nil
}

// selecting are the flags of verbs that judge series.
type selecting struct {
	picking
	judging
}

func (o *selecting) flags(cmd *cobra.Command) {
	o.picking.flags(cmd)
	o.judging.flags(cmd)
}

// series are those that the flags pick, judged; IDs are as given on the command line.
func (o *selecting) series(ctx context.Context, store string, ids ...string) ([]history.Series, error) {
	how, err := o.read()
	if err != nil {
		return nil, err
	}
	return o.judged(ctx, store, how, ids)
}

func (p *picking) judged(ctx context.Context, store string, how history.Judging, ids []string) ([]history.Series, error) {
	if p.metric != "" && !slices.Contains(history.Metrics, p.metric) {
		return nil, usageError{fmt.Errorf("no metric %q", p.metric), "--metric takes one of: " + strings.Join(history.Metrics, ", ")}
	}
	cell, err := coordinatesOf(p.cell)
	if err != nil {
		return nil, err
	}
	var picked []history.Series
	err = withHistory(ctx, store, history.Reading, func(s *history.Store) error {
		all, err := s.Judged(how, p.only, func(one history.Series) bool { return p.picks(one, cell, ids) })
		picked = all
		return err
	})
	if err == nil && len(picked) == 0 {
		err = usageError{errors.New("no series is picked"), "testbed history list --store " + store + " lists them"}
	}
	return picked, err
}

func (p *picking) picks(s history.Series, cell map[string]string, ids []string) bool {
	for name, value := range cell {
		if s.Cell[name] != value {
			return false
		}
	}
	is := func(asked, has string) bool { return asked == "" || asked == has }
	named := len(ids) == 0 || slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(s.ID, id) })
	return named && is(p.lab, s.Lab) && is(p.test, s.Test) && is(p.mode, s.Mode) && is(p.metric, s.Metric)
}

func (a *app) historyListCommand(store *string) *cobra.Command {
	var o selecting
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the series: points, changes, the last value",
		Args:  args(cobra.NoArgs),
	}
	o.flags(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print as JSON, with all points")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		series, err := o.series(cmd.Context(), *store)
		if err != nil {
			return err
		}
		if *asJSON {
			return a.printJSON(series)
		}
		return a.printSeries(series)
	}
	return cmd
}

func (a *app) printSeries(series []history.Series) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for i, s := range series {
		if i == 0 || !history.Together(series[i-1], s) {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if err := w.Flush(); err != nil { // Columns are each group's own.
				return err
			}
			fmt.Fprintln(a.stdout, groupTitle(s))
			fmt.Fprintln(w, "SERIES\tMODE\tMETRIC\tPOINTS\tCHANGES\tLAST\tMEASURED")
		}
		last := s.Points[len(s.Points)-1]
		changes := fmt.Sprint(len(s.Changes))
		if s.TooShort {
			changes = "too short"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", s.ID, s.Mode, s.Metric, len(s.Points), changes, report.ValueText(last.Value, s.Unit), history.DateText(last.Started))
	}
	return w.Flush()
}

func groupTitle(s history.Series) string {
	title := s.Lab + ", " + s.Test
	if cell := report.CellText(s.Cell); cell != "" {
		title += " [" + cell + "]"
	}
	return title + " · " + history.RigText(s.Rig)
}
