package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [LAB]",
		Short: "Show what up would do, and do nothing",
		Long: `Show what up would do: the same steps, without doing them. Images are built,
because a machine that runs is compared with what it would boot.`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	asJSON := cmd.Flags().Bool("json", false, "print the plan as JSON")
	a.varFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		lab, err := a.loadToRun(cmd.Context(), given)
		if err != nil {
			return err
		}
		s, err := a.open(cmd.Context(), lab)
		if err != nil {
			return err
		}
		defer s.close()
		steps, err := s.conductor.Prepare(cmd.Context(), lab, lab.Cells[0])
		if err != nil {
			return err
		}
		s.display.Close()
		if *asJSON {
			return a.printStepsJSON(steps)
		}
		return a.printPlan(lab, steps)
	}
	return cmd
}

func (a *app) printPlan(lab *run.Lab, steps []provision.Step) error {
	if err := a.printSteps(steps); err != nil {
		return err
	}
	for i, cell := range lab.Cells {
		for _, test := range cell.Tests {
			fmt.Fprintln(a.stdout, measureLine(test))
		}
		if i == 0 && len(lab.Cells) > 1 {
			fmt.Fprintf(a.stdout, "then, for each of %d more cells of the matrix, the same\n", len(lab.Cells)-1)
			break
		}
	}
	return nil
}

func measureLine(t testbed.Test) string {
	line := fmt.Sprintf("  measure  %s: %s -> %s, %d modes, %d rounds of %v", t.Name, t.Client, t.Server, len(t.Modes), t.Rounds, t.Block)
	if t.Boots > 1 {
		line += fmt.Sprintf(" in each of %d boots", t.Boots)
	}
	if t.Precision > 0 {
		line += fmt.Sprintf(", then more until the interval is %g%% wide, %d at most", 100*t.Precision, t.MaxRounds)
	}
	return line
}

func (a *app) printSteps(steps []provision.Step) error {
	if len(steps) == 0 {
		fmt.Fprintln(a.stdout, "nothing to do")
	}
	for _, s := range steps {
		why := ""
		if s.Why != "" {
			why = " (" + s.Why + ")"
		}
		if _, err := fmt.Fprintf(a.stdout, "  %-8s %s%s\n", s.Action, s.Name, why); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printStepsJSON(steps []provision.Step) error {
	type line struct {
		Stage  int    `json:"stage"`
		Action string `json:"action"`
		Name   string `json:"name"`
		Why    string `json:"why,omitempty"`
	}
	lines := make([]line, len(steps))
	for i, s := range steps {
		lines[i] = line{s.Stage, string(s.Action), s.Name, s.Why}
	}
	return a.printJSON(lines)
}

// printJSON writes what was asked for, for machines.
func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
