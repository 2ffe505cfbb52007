package run

import (
	"context"

	"github.com/testbed-lab/testbed/report"
)

// conclude turns blocks into a judged result.
func (c *Conductor) conclude(ctx context.Context, lab *Lab, o *Outcome) error {
	environment := c.environment(ctx, lab.Name, o)
	result, err := report.Analyze(report.Input{
		Lab:         lab.Lab,
		Blocks:      o.Blocks,
		Environment: environment,
		Backend:     lab.Backend,
		Accelerator: c.Backend.Accelerator(),
		Started:     o.started,
		Timings:     o.timings,
		Warnings:    o.warnings,
		Crashes:     o.crashes,
		Failures:    o.failures,
		Tool:        c.tool(),
	})
	if err != nil {
		return err
	}
	result.Expectations = report.Judge(lab.Lab, lab.Predicates, o.Blocks)
	o.Result = result
	return nil
}
