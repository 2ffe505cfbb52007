package cli

import (
	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/report"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "schema NAME",
		Short:     "Print the JSON Schema of result.json, or of what compare prints",
		Args:      args(cobra.ExactArgs(1)),
		ValidArgs: report.SchemaNames,
		RunE: func(_ *cobra.Command, given []string) error {
			schema, err := report.Schema(given[0])
			if err != nil {
				return usageError{err, "testbed schema result, comparison or order"}
			}
			_, err = a.stdout.Write(schema)
			return err
		},
	}
}
