package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/history"
	"github.com/testbed-lab/testbed/history/page"
	"github.com/testbed-lab/testbed/report"
)

func (a *app) historyShowCommand(store *string) *cobra.Command {
	var o selecting
	cmd := &cobra.Command{
		Use:   "show [SERIES]",
		Short: "Show one series as a table, with its changes",
		Long:  "Show one series, result by result, with the changes of its level. SERIES is an\nID that testbed history list gives, or its beginning; or the flags pick one.",
		Args:  args(cobra.MaximumNArgs(1)),
	}
	o.flags(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print as JSON")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		series, err := o.series(cmd.Context(), *store, given...)
		if err != nil {
			return err
		}
		if len(series) > 1 {
			return usageError{fmt.Errorf("%d series are picked", len(series)), "say which: " + idsText(series)}
		}
		if *asJSON {
			return a.printJSON(series[0])
		}
		return a.showSeries(series[0])
	}
	return cmd
}

// mostIDs are named in a hint.
const mostIDs = 4

func idsText(series []history.Series) string {
	var texts []string
	for _, s := range series[:min(len(series), mostIDs)] {
		texts = append(texts, fmt.Sprintf("%s (%s, %s, %s)", s.ID, s.Test, s.Mode, s.Metric))
	}
	text := strings.Join(texts, ", ")
	if len(series) > mostIDs {
		text += ", …"
	}
	return text
}

func (a *app) showSeries(s history.Series) error {
	fmt.Fprintf(a.stdout, "%s\n%s, %s\n\n", groupTitle(s), s.Mode, history.MetricText(s.Metric))
	marks := map[int]history.Change{}
	for _, c := range s.Changes {
		marks[c.Index] = c
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MEASURED\tVALUE\t95% INTERVAL\tRESULT\tCHANGE\tKERNEL")
	for i, p := range s.Points {
		mark := ""
		if c, is := marks[i]; is {
			mark = fmt.Sprintf("%s, p %s", report.ChangeText(c.Change), history.PText(c.P))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", history.DateText(p.Started), report.ValueText(p.Value, s.Unit), history.IntervalText(p, s.Unit),
			shortID(p.Result), mark, strings.Join(p.Kernels, ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range s.Changes {
		fmt.Fprintf(a.stdout, "\n%s: %s\n", direction(c), changeText(s, c))
	}
	if s.TooShort {
		fmt.Fprintln(a.stdout, "\ntoo short to judge")
	}
	return nil
}

// direction is a change in a word.
func direction(c history.Change) string {
	if c.Slower() {
		return "slower"
	}
	return "faster"
}

// changeText is a change in a line.
func changeText(s history.Series, c history.Change) string {
	text := fmt.Sprintf("%s (%s → %s, p %s) from %s", report.ChangeText(c.Change), report.ValueText(c.Before, s.Unit), report.ValueText(c.After, s.Unit),
		history.PText(c.P), history.DateText(s.Points[c.Index].Started))
	if kernels := history.TurnText(s, c.Index); kernels != "" {
		text += ", Linux " + kernels
	}
	return text
}

func (a *app) historyPlotCommand(store *string) *cobra.Command {
	var o selecting
	cmd := &cobra.Command{
		Use:   "plot",
		Short: "Draw the series as a page whose points open their reports",
		Long: "Draw the series as a page, index.html, with the changes of their levels. Each\n" +
			"point opens its result's report, which is written beside the page from the\n" +
			"store. The page needs no network.",
		Args: args(cobra.NoArgs),
	}
	o.flags(cmd)
	out := cmd.Flags().String("out", "", "write the page into `DIR` (default: page in the store)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		series, err := o.series(cmd.Context(), *store)
		if err != nil {
			return err
		}
		if *out == "" {
			*out = filepath.Join(*store, "page")
		}
		if err := os.MkdirAll(filepath.Join(*out, "reports"), 0o755); err != nil {
			return usageError{err, "name a folder that may be written: --out DIR"}
		}
		err = withHistory(cmd.Context(), *store, history.Reading, func(s *history.Store) error { return writeReports(s, *out, series) })
		if err != nil {
			return err
		}
		var drawn bytes.Buffer
		if err := page.Write(&drawn, series, toolVersion()); err != nil {
			return err
		}
		index := filepath.Join(*out, "index.html")
		if err := renameio.WriteFile(index, drawn.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
		fmt.Fprintln(a.stdout, index)
		return nil
	}
	return cmd
}

// writeReports writes the reports that a page links to, those aside that are there.
func writeReports(s *history.Store, dir string, series []history.Series) error {
	done := map[string]bool{}
	for _, one := range series {
		for _, p := range one.Points {
			path := filepath.Join(dir, page.ReportPath(p.Result))
			if _, err := os.Stat(path); done[p.Result] || !errors.Is(err, fs.ErrNotExist) {
				continue
			}
			data, err := s.ReportFile(p.Result, report.PageFile)
			if err != nil {
				return err
			}
			if err := renameio.WriteFile(path, data, 0o644); err != nil {
				return fmt.Errorf("write report: %w", err)
			}
			done[p.Result] = true
		}
	}
	return nil
}
