package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/report"
)

func (a *app) explainCommand() *cobra.Command {
	o := report.ExplainOptions{}
	cmd := &cobra.Command{
		Use:   "explain MODE [OTHER]",
		Short: "Show a packet's path through a mode, or what it does beyond another",
		Long: "Show the path of one request and its response through a mode, as it was\n" +
			"traced: functions within those that called them, and the devices that the\n" +
			"packet was on. With OTHER, show which functions MODE calls that OTHER does\n" +
			"not, and how often; where instructions were counted (--backend icount), how\n" +
			"many each function takes, by itself and with what it called, and with --svg\n" +
			"a flame graph of the two. All comes from a stored result; nothing is measured.",
		Example: "  testbed explain docker0\n  testbed explain docker0 host --test tcp_rr\n" +
			"  testbed explain docker0 --cell kernel=new --against kernel=old\n" +
			"  testbed explain docker0 host --svg docker0.svg",
		Args: args(cobra.RangeArgs(1, 2)),
	}
	dir := cmd.Flags().String("result", "", "the result's `DIR` (default: the newest in results/)")
	cmd.Flags().StringVar(&o.Test, "test", "", "the test's `NAME` (default: the first with the mode)")
	cmd.Flags().StringVar(&o.Cell, "cell", "", "`CELL` of the matrix, NAME=VALUE (default: the first)")
	cmd.Flags().StringVar(&o.Against, "against", "", "compare MODE with itself in another `CELL`")
	svg := cmd.Flags().String("svg", "", "also draw a flame graph of the two in `FILE`")
	cmd.Flags().BoolVar(&o.All, "all", false, "every call or function, not the foremost alone")
	cmd.RunE = func(_ *cobra.Command, given []string) error {
		if len(given) > 1 && o.Against != "" {
			return usageError{errors.New("OTHER and --against are two things to compare MODE with"), "leave one out"}
		}
		if o.Mode = given[0]; len(given) > 1 {
			o.Other = given[1]
		}
		folder := *dir
		if folder == "" {
			var err error
			if folder, err = newestResult(); err != nil {
				return usageError{err, "run a lab first (testbed run), or name a result with --result"}
			}
		}
		result, err := storedSummary(folder)
		if err != nil {
			return err
		}
		if err := report.Explain(a.stdout, result, o); err != nil {
			return usageError{err, "see what the result has with: testbed report " + folder}
		}
		if *svg == "" {
			return nil
		}
		var drawn bytes.Buffer
		if err := report.ExplainSVG(&drawn, result, o); err != nil {
			return usageError{err, "leave --svg out"}
		}
		if err := renameio.WriteFile(*svg, drawn.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write flame graph: %w", err)
		}
		_, err = fmt.Fprintf(a.stderr, "flame graph: %s\n", *svg)
		return err
	}
	return cmd
}

// newestResult is the folder below results/ that was written last.
func newestResult() (newest string, err error) {
	all, err := filepath.Glob(filepath.Join("results", "*", "latest", "result.json"))
	if err != nil || len(all) == 0 {
		return "", errors.New("there is no result in results/")
	}
	var when int64
	for _, path := range all {
		if info, err := os.Stat(path); err == nil && info.ModTime().UnixNano() >= when {
			newest, when = filepath.Dir(path), info.ModTime().UnixNano()
		}
	}
	return newest, nil
}
