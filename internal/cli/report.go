package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

func (a *app) reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Show a stored result again, or pack it for a reviewer",
		Long: "Show a stored result again. DIR is a result's folder, such as\n" +
			"results/container-latency/latest.\n\n" +
			"With --bundle, pack the result and all that lies beside it (lab, lock, plan,\n" +
			"raw blocks, consoles, report) into one file, from which testbed reproduce\n" +
			"measures it again. Host and user names, the home folder, MAC addresses of\n" +
			"hardware and keys are taken out of it.",
		Args: args(cobra.ExactArgs(1)),
	}
	asJSON := cmd.Flags().Bool("json", false, "print the result as JSON")
	pack := cmd.Flags().String("bundle", "", "pack the result into `FILE` (.tar.zst)")
	list := cmd.Flags().Bool("redact", false, "list what was taken out of the bundle")
	cmd.RunE = func(_ *cobra.Command, given []string) error {
		if *list && *pack == "" {
			return usageError{errors.New("--redact is about a bundle"), "name its file: --bundle out.tar.zst"}
		}
		if *pack != "" {
			return a.bundle(given[0], *pack, *list)
		}
		result, _, err := report.Read(given[0])
		if err != nil {
			return usageError{err, "give a folder that holds a result.json"}
		}
		return a.show(result, given[0], *asJSON)
	}
	return cmd
}

// bundle packs a result; the file appears whole or not at all.
func (a *app) bundle(dir, path string, list bool) error {
	if _, err := os.Stat(filepath.Join(dir, report.ResultFile)); err != nil {
		return usageError{err, "give a folder that holds a result.json"}
	}
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return usageError{err, "name a file in a folder that may be written"}
	}
	defer func() { _ = file.Cleanup() }()
	removed, err := report.Bundle(file, dir, report.BundleOptions{Testbed: toolVersion()})
	if err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return err
	}
	if list {
		for _, line := range removed {
			fmt.Fprintln(a.stdout, line)
		}
	}
	fmt.Fprintf(a.stderr, "bundle: %s; again, anywhere: testbed reproduce %s\n", path, filepath.Base(path))
	return nil
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
