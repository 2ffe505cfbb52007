package cli

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/internal/terminal"
	"github.com/testbed-lab/testbed/provision"
)

func (a *app) lsCommand() *cobra.Command {
	return a.listing("ls", "List the labs that run", cobra.NoArgs,
		func(labs []provision.Lab, _ []string) error { return a.printLabs(labs) })
}

func (a *app) statusCommand() *cobra.Command {
	return a.listing("status [LAB]", "Show each machine of a lab: state, SSH port, image", cobra.MaximumNArgs(1),
		func(labs []provision.Lab, given []string) error {
			if len(given) == 1 {
				labs = slices.DeleteFunc(labs, func(l provision.Lab) bool { return l.Name != given[0] })
				if len(labs) == 0 {
					return usageError{fmt.Errorf("lab %q does not run", given[0]), "testbed ls"}
				}
			}
			return a.printMachines(labs)
		})
}

// listing is a verb that prints what runs.
func (a *app) listing(use, short string, check cobra.PositionalArgs, print func([]provision.Lab, []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: args(check)}
	asJSON := cmd.Flags().Bool("json", false, "print as JSON")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return a.withBackend(cmd.Context(), place{}, func(b provision.Backend, d *terminal.Display) error {
			labs, err := b.Labs(cmd.Context())
			if err != nil {
				return err
			}
			d.Close()
			if *asJSON {
				if labs == nil {
					labs = []provision.Lab{}
				}
				return a.printJSON(labs)
			}
			return print(labs, given)
		})
	}
	return cmd
}

func (a *app) printLabs(labs []provision.Lab) error {
	if len(labs) == 0 {
		fmt.Fprintln(a.stderr, "no lab is running")
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LAB\tMACHINES\tFILE")
	for _, l := range labs {
		fmt.Fprintf(w, "%s\t%d\t%s\n", l.Name, len(l.Machines), l.Source)
	}
	return w.Flush()
}

func (a *app) printMachines(labs []provision.Lab) error {
	if len(labs) == 0 {
		fmt.Fprintln(a.stderr, "no lab is running")
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MACHINE\tSTATE\tSSH\tIMAGE")
	for _, l := range labs {
		for _, m := range l.Machines {
			ssh := m.SSH
			if m.Sealed {
				ssh = "sealed"
			}
			fmt.Fprintf(w, "%s/%s\t%s\t%s\t%.12s\n", l.Name, m.Name, m.State, ssh, m.ImageDigest)
		}
	}
	return w.Flush()
}
