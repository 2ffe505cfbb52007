package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/internal/terminal"
	"github.com/testbed-lab/testbed/provision"
)

func (a *app) downCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "down [LAB]",
		Short: "Take a lab's machines and networks away",
		Long:  "Take a lab's machines and networks away. LAB is its name or its file; without\nit, the only one that runs. Results stay.",
		Args:  args(cobra.MaximumNArgs(1)),
	}
	all := cmd.Flags().Bool("all", false, "every lab of yours")
	a.varFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if *all && len(given) > 0 {
			return usageError{errors.New("both a lab and --all"), "give one of them"}
		}
		lab, at, err := a.named(cmd.Context(), given)
		if err != nil {
			return err
		}
		return a.withBackend(cmd.Context(), at, func(b provision.Backend, d *terminal.Display) error {
			names, err := labsToRemove(cmd.Context(), b, lab, *all)
			if err != nil {
				return err
			}
			return removeLabs(cmd.Context(), b, d, names)
		})
	}
	return cmd
}

func labsToRemove(ctx context.Context, b provision.Backend, lab string, all bool) ([]string, error) {
	if lab != "" {
		return []string{lab}, nil
	}
	if !all {
		lab, err := onlyLab(ctx, b)
		if err != nil || lab == "" {
			return nil, err
		}
		return []string{lab}, nil
	}
	labs, err := b.Labs(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(labs))
	for i, l := range labs {
		names[i] = l.Name
	}
	return names, nil
}

func removeLabs(ctx context.Context, b provision.Backend, d *terminal.Display, names []string) error {
	if len(names) == 0 {
		d.Sink().Note("no lab is running")
	}
	var failures []error
	for _, name := range names {
		if err := run.Down(ctx, b, d.Sink(), name); err != nil {
			failures = append(failures, fmt.Errorf("lab %q: %w", name, err))
		}
	}
	return errors.Join(failures...)
}

func (a *app) gcCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what a crash left: all of ours that belongs to no running lab",
		Long: `Remove everything that carries your mark and belongs to no running lab: VMs,
networks, volumes, keys, namespaces. It asks libvirt and the kernel and needs no
state file, so it works after kill -9 at any moment.`,
		Args: args(cobra.NoArgs),
	}
	dry := cmd.Flags().Bool("dry-run", false, "only say what would be removed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.withBackend(cmd.Context(), place{}, func(b provision.Backend, d *terminal.Display) error {
			if !*dry {
				return run.Collect(cmd.Context(), b, d.Sink())
			}
			steps, err := b.Garbage(cmd.Context())
			if err != nil {
				return err
			}
			return a.printSteps(steps)
		})
	}
	return cmd
}
