package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/examples"
	"github.com/testbed-lab/testbed/hcl"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a first lab to edit; it runs as it is",
		Long:  "Write a first lab, with comments, that runs as it is. FILE is lab.hcl unless\nsaid; a file that exists is left alone.",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			path := "lab.hcl"
			if len(given) == 1 {
				path = given[0]
			}
			return a.writeFirstLab(path)
		},
	}
}

func (a *app) writeFirstLab(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%s exists", path), "name another file: testbed init FILE"}
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, examples.First)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = fmt.Fprintf(a.stdout, "wrote %s; next: testbed up %s\n", path, path)
	return err
}

func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [LAB]",
		Short: "Check a lab file; all mistakes at once",
		Args:  args(cobra.MaximumNArgs(1)),
	}
	a.varFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		lab, err := a.load(cmd.Context(), given, listingRead)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%s: lab %q is valid\n", relative(lab.Source), lab.Name)
		return err
	}
	return cmd
}

// relative shortens a path for display where it lies below the current folder.
func relative(path string) string {
	if here, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(short) {
			return short
		}
	}
	return path
}

func (a *app) fmtCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fmt [FILE…]",
		Short: "Rewrite lab files in the canonical form",
		Long: `Rewrite lab files in the canonical form and print the names of those that
changed. Without a file every *.hcl in this folder; with - standard input, to
standard output.`,
	}
	check := cmd.Flags().Bool("check", false, "change nothing; exit 1 if a file would change")
	cmd.RunE = func(_ *cobra.Command, given []string) error {
		if len(given) == 1 && given[0] == "-" {
			return a.formatStream(*check)
		}
		return a.formatFiles(given, *check)
	}
	return cmd
}

func (a *app) formatStream(check bool) error {
	source, err := io.ReadAll(a.stdin)
	if err != nil {
		return err
	}
	formatted, err := a.format(source, "<stdin>")
	if err != nil {
		return err
	}
	if check {
		if !bytes.Equal(source, formatted) {
			return statusError(exitFailed)
		}
		return nil
	}
	_, err = a.stdout.Write(formatted)
	return err
}

func (a *app) formatFiles(paths []string, check bool) error {
	if len(paths) == 0 {
		found, err := filepath.Glob("*.hcl")
		if err != nil {
			return err
		}
		paths = found
	}
	var failures []error
	changed := false
	for _, path := range paths {
		did, err := a.formatFile(path, check)
		failures = append(failures, err)
		changed = changed || did
	}
	if err := errors.Join(failures...); err != nil {
		return err
	}
	if check && changed {
		return statusError(exitFailed)
	}
	return nil
}

func (a *app) formatFile(path string, check bool) (changed bool, err error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return false, usageError{err, "give a lab file"}
	}
	formatted, err := a.format(source, path)
	if err != nil || bytes.Equal(source, formatted) {
		return false, err
	}
	if !check {
		if err := renameio.WriteFile(path, formatted, 0o644, renameio.WithExistingPermissions()); err != nil {
			return true, fmt.Errorf("write %s: %w", path, err)
		}
	}
	_, err = fmt.Fprintln(a.stdout, path)
	return true, err
}

func (a *app) format(source []byte, path string) ([]byte, error) {
	formatted, diagnostics := hcl.Format(source, path)
	return formatted, a.diagnose(diagnostics)
}
