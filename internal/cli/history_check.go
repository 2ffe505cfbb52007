package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/history"
)

const checkHelp = `Say which levels have changed since the last check: a job's last line.

A change is new until a check has reported it, and fails the check that reports
it (3); the store remembers. A change whose place moves by up to five results
as more are known is the same one. Judged are the ratio to host and counted
instructions, unless --metric says otherwise: what all modes share, host
included, only --metric p50 sees.

Exit status: 0 nothing new; 3 a new change; 4 every series is too short.`

// directions are those of which --direction takes one.
var directions = []string{"both", "slower", "faster"}

// check is what a check prints as JSON.
type check struct {
	New      []historyChange `json:"new"`
	Judged   int             `json:"judged"`    // Series.
	TooShort int             `json:"too_short"` // Series.
	Missing  []string        `json:"missing"`   // Series that the newest result lacks.
}

// historyChange is a change with what it is one of.
type historyChange struct {
	history.Change
	Series string            `json:"series"`
	Lab    string            `json:"lab"`
	Test   string            `json:"test"`
	Cell   map[string]string `json:"cell"`
	Mode   string            `json:"mode"`
	Metric string            `json:"metric"`
	Unit   string            `json:"unit"`
	// Fails says that the direction is one that was asked about.
	Fails bool `json:"fails"`
}

func (a *app) historyCheckCommand(store *string) *cobra.Command {
	var o selecting
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say which levels have changed since the last check",
		Long:  checkHelp,
		Args:  args(cobra.NoArgs),
	}
	o.flags(cmd)
	fails := cmd.Flags().String("direction", "both", "fail for a change to `WHICH`: slower, faster or both;\nall are reported")
	dry := cmd.Flags().Bool("dry-run", false, "remember nothing: the next check says the same")
	asJSON := cmd.Flags().Bool("json", false, "print as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.Contains(directions, *fails) {
			return usageError{fmt.Errorf("no direction %q", *fails), "--direction takes one of: " + strings.Join(directions, ", ")}
		}
		series, err := o.series(cmd.Context(), *store)
		if err != nil {
			return err
		}
		series = slices.DeleteFunc(series, func(s history.Series) bool { return o.metric == "" && !judgedByDefault(s.Metric) })
		found := checkOf(series, *fails)
		if err := a.printCheck(series, found, *asJSON); err != nil {
			return err
		}
		if !*dry { // After it was said: a job that is killed between says it again.
			err := withHistory(cmd.Context(), *store, history.Writing, func(s *history.Store) error { return s.Remember(series) })
			if err != nil {
				return err
			}
		}
		return found.status()
	}
	return cmd
}

func judgedByDefault(metric string) bool {
	return metric == history.MetricRatio || metric == history.MetricInstructions
}

func checkOf(series []history.Series, fails string) check {
	found := check{New: []historyChange{}, Missing: []string{}}
	for _, s := range series {
		if s.TooShort {
			found.TooShort++
		} else {
			found.Judged++
		}
		if !s.Latest {
			found.Missing = append(found.Missing, s.ID)
		}
		for _, c := range s.Changes {
			if c.New {
				found.New = append(found.New, historyChange{c, s.ID, s.Lab, s.Test, s.Cell, s.Mode, s.Metric, s.Unit, fails == "both" || fails == direction(c)})
			}
		}
	}
	return found
}

func (a *app) printCheck(series []history.Series, found check, asJSON bool) error {
	if asJSON {
		return a.printJSON(found)
	}
	for _, s := range series {
		if !s.Latest {
			fmt.Fprintf(a.stderr, "testbed: %s, %s: the newest result of %s does not have it\n", s.Mode, s.Metric, groupTitle(s))
		}
		for _, c := range s.Changes {
			if c.New {
				fmt.Fprintf(a.stdout, "%s: %s, %s %s: %s\n", direction(c), groupTitle(s), s.Mode, s.Metric, changeText(s, c))
			}
		}
	}
	_, err := fmt.Fprintf(a.stdout, "%d new, in %d series judged; %d too short to judge\n", len(found.New), found.Judged, found.TooShort)
	return err
}

func (c check) status() error {
	switch {
	case slices.ContainsFunc(c.New, func(one historyChange) bool { return one.Fails }):
		return statusError(exitRefuted)
	case c.Judged == 0:
		return statusError(exitInconclusive)
	}
	return nil
}
