package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/internal/doctor"
)

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine lacks, with the command that mends it",
		Long:  "Say what this machine lacks, each with the command that mends it. It changes\nnothing. Exit status 1 where Testbed cannot work.",
		Args:  args(cobra.NoArgs),
	}
	asJSON := cmd.Flags().Bool("json", false, "print as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		findings := doctor.Examine(cmd.Context(), doctor.Options{Connect: a.connect})
		if err := a.printFindings(findings, *asJSON); err != nil {
			return err
		}
		if doctor.Worst(findings) == doctor.Missing {
			return statusError(exitFailed)
		}
		return nil
	}
	return cmd
}

func (a *app) printFindings(findings []doctor.Finding, asJSON bool) error {
	if asJSON {
		return a.printJSON(findings)
	}
	for _, f := range findings {
		fmt.Fprintf(a.stdout, "%-8s %s: %s\n", f.Level, f.Name, f.Detail)
		if f.Remedy != "" {
			fmt.Fprintf(a.stdout, "         mend: %s\n", f.Remedy)
		}
	}
	return nil
}
