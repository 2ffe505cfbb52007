package cli

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/internal/needs"
	"github.com/testbed-lab/testbed/kconfig"
)

const kernelConfigHelp = `Say what a lab needs of a kernel: what a guest needs to boot, and what each mode
and test asks for beside that. Without --fragment it is a table.

With --fragment it is a piece of a kernel's configuration, with all that its
options require. In a kernel's tree:

  testbed kernel config --fragment LAB > lab.config
  scripts/kconfig/merge_config.sh .config lab.config
  testbed doctor --config .config LAB

Options that may be modules may stay modules.`

func (a *app) kernelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kernel",
		Short: "List packaged kernels; say what a lab needs of your own",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.kernelListCommand(), a.kernelConfigCommand())
	return cmd
}

func (a *app) kernelConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config [LAB]",
		Short: "Print the options that a lab needs, by what needs them",
		Long:  kernelConfigHelp,
		Args:  args(cobra.MaximumNArgs(1)),
	}
	fragment := cmd.Flags().Bool("fragment", false, "print a piece of a kernel's configuration")
	a.varFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		lab, err := a.load(cmd.Context(), given, listingRead)
		if err != nil {
			return err
		}
		all := needs.Of(lab.Lab)
		if !*fragment {
			return printNeeds(a.stdout, all)
		}
		fmt.Fprintf(a.stdout, "# What lab %s needs of a kernel; y may be m where Kconfig offers it.\n", lab.Name)
		return kconfig.WriteFragment(a.stdout, all)
	}
	return cmd
}

func printNeeds(to io.Writer, all []kconfig.Need) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FOR\tNEEDS\tOPTION\tMODULE\tSINCE")
	for _, need := range all {
		for _, f := range need.Features {
			options := f.Options()
			if options == nil {
				options = []string{""} // There is a version to say.
			}
			for _, option := range options {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", need.For, f.Name, option, f.Module, f.MinimumVersion)
			}
		}
	}
	return w.Flush()
}

// readConfig reads a kernel's configuration.
func readConfig(path string) (*kconfig.Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("read a kernel's configuration: %w", err), ""}
	}
	defer file.Close()
	config, err := kconfig.Read(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("read a kernel's configuration %s: %w", path, err), ""}
	}
	return config, nil
}
