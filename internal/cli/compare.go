package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/report/ci"
	"github.com/testbed-lab/testbed/testbed"
)

// comparing are the flags of a verdict between results.
type comparing struct {
	metric, margin, format string
	marginFlag             string   // Where the margin has another name.
	moreMetrics            []string // Beside those that results are compared by.
	force                  bool
	baseCell, newCell      []string
}

func (a *app) compareCommand() *cobra.Command {
	var o comparing
	cmd := &cobra.Command{
		Use:   "compare BASE NEW...",
		Short: "Judge results against a base: regression, improvement, equal",
		Long: "Judge stored results against a base, mode by mode. BASE and NEW are results'\n" +
			"folders; nothing is measured. A change is a regression or an improvement where\n" +
			"its interval lies beyond the margin, equal where it lies within, and\n" +
			"inconclusive otherwise; claims are corrected for how many modes there are.\n\n" +
			"Where machines boot, the boot is the unit: three boots on each side at least\n" +
			"(boots = 3 in the test; seeds = 3 where instructions are counted). Without\n" +
			"machines that boot, modes are judged by their ratio to host.\n\n" +
			"Exit status: 0 equal or better; 1 the new result failed at what the base did,\n" +
			"by a crash, a hang or a mode that is gone; 3 a regression; 4 inconclusive.",
		Example: "  testbed compare results/lab/20261101T020000Z results/lab/latest\n" +
			"  testbed compare --max-regression 0.5% --format junit base new\n" +
			"  testbed compare kernels kernels --base-cell kernel=old --new-cell kernel=new",
		Args: args(cobra.MinimumNArgs(2)),
	}
	o.flags(cmd)
	flags := cmd.Flags()
	order := flags.Bool("order", false, "compare the order of modes alone: of times with\ncounts of instructions, or of two machines")
	flags.BoolVar(&o.force, "force", false, "compare what is not comparable, such as another\nQEMU, CPU model or host; every output says so")
	flags.StringArrayVar(&o.baseCell, "base-cell", nil, "of BASE's matrix, the cells with `NAME=VALUE`")
	flags.StringArrayVar(&o.newCell, "new-cell", nil, "of NEW's matrix, the cells with `NAME=VALUE`")
	cmd.RunE = func(_ *cobra.Command, given []string) error {
		if err := o.check(); err != nil {
			return err
		}
		if formats := []string{"terminal", "json", "markdown"}; *order && !slices.Contains(formats, o.format) {
			return usageError{fmt.Errorf("--order gives no verdict, and so no %s", o.format), "--format takes with it one of: " + strings.Join(formats, ", ")}
		}
		read := storedResult
		if *order { // Ratios are in the summary.
			read = withoutBlocks
		}
		base, err := sideAt(given[0], o.baseCell, read)
		if err != nil {
			return err
		}
		var others []report.CompareSide
		for _, dir := range given[1:] {
			side, err := sideAt(dir, o.newCell, read)
			if err != nil {
				return err
			}
			others = append(others, side)
		}
		if *order {
			return a.showOrder(base, others, o.format)
		}
		all, err := o.compare(base, others)
		if err != nil {
			return err
		}
		if err := a.showComparison(all, o.format); err != nil {
			return err
		}
		return verdictStatus(report.Worst(all))
	}
	return cmd
}

func (o *comparing) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.metric, "metric", "p50", "judge by `METRIC`: p50, p90, p99, p999, mean\nor rate")
	flags.StringVar(&o.margin, "max-regression", "2%", "a change up to `SHARE` is equal")
	flags.StringVar(&o.format, "format", "terminal", "print as `FORMAT`: terminal, json, markdown, junit,\nktap or github")
}

var compareFormats = []string{"terminal", "json", "markdown", "junit", "ktap", "github"}

// check refuses before anything is read or measured.
func (o *comparing) check() error {
	if _, err := shareOf(o.margin); err != nil {
		return usageError{fmt.Errorf("--%s: %w", cmp.Or(o.marginFlag, "max-regression"), err), "write a share of 1, or per cent: 0.02 or 2%"}
	}
	if metrics := slices.Concat(report.MetricNames(), o.moreMetrics); !slices.Contains(metrics, o.metric) {
		return usageError{fmt.Errorf("no metric %q", o.metric), "--metric takes one of: " + strings.Join(metrics, ", ")}
	}
	if !slices.Contains(compareFormats, o.format) {
		return usageError{fmt.Errorf("no format %q", o.format), "--format takes one of: " + strings.Join(compareFormats, ", ")}
	}
	return nil
}

// options are the flags, checked before.
func (o *comparing) options() report.CompareOptions {
	margin, _ := shareOf(o.margin)
	return report.CompareOptions{Metric: o.metric, Margin: margin, Force: o.force}
}

func (o *comparing) compare(base report.CompareSide, others []report.CompareSide) ([]testbed.Comparison, error) {
	all, err := report.Compare(base, others, o.options())
	var incomparable *report.IncomparableError
	switch {
	case errors.As(err, &incomparable):
		return nil, usageError{err, incomparable.Hint()}
	case err != nil:
		return nil, usageError{err, "testbed compare --help"}
	}
	return all, nil
}

// shareOf reads 0.02 and 2%.
func shareOf(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no share", text)
	}
	if percent {
		value /= 100
	}
	if !(value >= 0 && value < 1) {
		return 0, fmt.Errorf("%q is not between 0 and 100%%", text)
	}
	return value, nil
}

// sideAt reads a result, by its folder or its file.
func sideAt(path string, coordinates []string, read func(dir string) (testbed.Result, []testbed.Block, error)) (report.CompareSide, error) {
	cell, err := coordinatesOf(coordinates)
	if err != nil {
		return report.CompareSide{}, err
	}
	dir := path
	if filepath.Base(path) == report.ResultFile {
		dir = filepath.Dir(path)
	}
	result, blocks, err := read(dir)
	if err != nil {
		return report.CompareSide{}, err
	}
	return report.CompareSide{Path: path, Result: result, Blocks: blocks, Cell: cell}, nil
}

// withoutBlocks is storedResult for what needs none.
func withoutBlocks(dir string) (testbed.Result, []testbed.Block, error) {
	result, err := storedSummary(dir)
	return result, nil, err
}

// coordinatesOf reads NAME=VALUE.
func coordinatesOf(given []string) (map[string]string, error) {
	cell := map[string]string{}
	for _, one := range given {
		name, value, is := strings.Cut(one, "=")
		if !is {
			return nil, usageError{fmt.Errorf("%q is no coordinate of a matrix", one), "write NAME=VALUE, as kernel=old"}
		}
		cell[name] = value
	}
	return cell, nil
}

// showOrder compares the order of modes; there is no verdict.
func (a *app) showOrder(base report.CompareSide, others []report.CompareSide, format string) error {
	all, err := ordersOf(base, others)
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return report.OrderJSON(a.stdout, all)
	case "markdown":
		return report.OrderMarkdown(a.stdout, all)
	}
	return report.OrderTerminal(a.stdout, all, report.TerminalOptions{Width: a.width(), Color: a.color()})
}

func ordersOf(base report.CompareSide, others []report.CompareSide) (all []testbed.Order, err error) {
	for _, other := range others {
		order, err := report.OrderOf(base, other)
		if err != nil {
			return nil, usageError{err, "testbed compare --help"}
		}
		all = append(all, order)
	}
	return all, nil
}

func (a *app) showComparison(all []testbed.Comparison, format string) error {
	inSuites := map[string]func(io.Writer, []ci.Suite) error{"junit": ci.JUnit, "ktap": ci.KTAP, "github": ci.GitHub}
	switch format {
	case "json":
		return report.CompareJSON(a.stdout, all)
	case "markdown":
		return report.CompareMarkdown(a.stdout, all)
	case "terminal":
		return report.CompareTerminal(a.stdout, all, report.TerminalOptions{Width: a.width(), Color: a.color()})
	}
	return inSuites[format](a.stdout, report.CompareSuites(all))
}

// verdictStatus is what a verdict ends with.
func verdictStatus(verdict string) error {
	switch verdict {
	case testbed.Broken:
		return statusError(exitFailed)
	case testbed.Regression, testbed.Different:
		return statusError(exitRefuted)
	case testbed.Undecided:
		return statusError(exitInconclusive)
	}
	return nil
}
