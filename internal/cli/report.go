package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

func (a *app) reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Show a stored result again",
		Long:  "Show a stored result again. DIR is a result's folder, such as\nresults/container-latency/latest.",
		Args:  args(cobra.ExactArgs(1)),
	}
	asJSON := cmd.Flags().Bool("json", false, "print the result as JSON")
	cmd.RunE = func(_ *cobra.Command, given []string) error {
		result, _, err := report.Read(given[0])
		if err != nil {
			return usageError{err, "give a folder that holds a result.json"}
		}
		return a.show(result, given[0], *asJSON)
	}
	return cmd
}

// show prints a result: the table for a person, or JSON, to standard output,
// and to standard error where the rest lies.
func (a *app) show(r testbed.Result, dir string, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	if err := report.Terminal(a.stdout, r, report.TerminalOptions{Width: a.width(), Color: a.color()}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stderr, "report: %s\n", filepath.Join(dir, "report.html"))
	return err
}

// maxWidth keeps tables readable on a terminal that fills a wall.
const maxWidth = 120

// width is how many columns a table may take.
func (a *app) width() int {
	if file := asFile(a.stdout); file != nil {
		if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 0 {
			return min(w, maxWidth)
		}
	}
	return 80
}

// color says whether standard output is a terminal that wants it (no-color.org).
func (a *app) color() bool { return isTerminal(a.stdout) && os.Getenv("NO_COLOR") == "" }

func isTerminal(stream any) bool {
	file := asFile(stream)
	return file != nil && term.IsTerminal(int(file.Fd()))
}
