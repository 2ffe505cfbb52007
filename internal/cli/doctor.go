package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/internal/doctor"
)

const doctorHelp = `Say what this machine lacks, each with the command that mends it. It changes
nothing. Exit status 1 where Testbed cannot work.

With --calibrate it boots a virtual machine, injects delays of 50 us, 200 us and
1 ms into requests in it, and says what was measured of each. That takes some
minutes, and wants a machine that is quiet. With --backend local it boots none.
Exit status 1 where a delay is not found again.`

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine lacks, with the command that mends it",
		Long:  doctorHelp,
		Args:  args(cobra.NoArgs),
	}
	asJSON := cmd.Flags().Bool("json", false, "print as JSON")
	calibrate := cmd.Flags().Bool("calibrate", false, "measure delays that are known")
	out := cmd.Flags().String("out", "", "with --calibrate: keep the result in `DIR`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *calibrate {
			return a.calibrate(cmd.Context(), *out, *asJSON)
		}
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
