package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/testbed"
)

func (a *app) imagesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "images",
		Short: "List, build, update or prune what VMs boot",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.imagesLsCommand(), a.imagesPruneCommand(),
		a.buildingCommand("build [LAB]", "Build a lab's images without booting", false),
		a.buildingCommand("update [LAB]", "Renew a lab's pinned packages from the mirror", true))
	return cmd
}

// buildingCommand builds a lab's images; with update it ignores the pins of the
// lock file and writes new ones.
func (a *app) buildingCommand(use, short string, update bool) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: args(cobra.MaximumNArgs(1))}
	a.varFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		lab, err := a.load(cmd.Context(), given, map[bool]listing{false: listingPin, true: listingUpdate}[update])
		if err != nil {
			return err
		}
		return a.buildImages(cmd.Context(), lab, update)
	}
	return cmd
}

func (a *app) buildImages(ctx context.Context, lab *run.Lab, update bool) error {
	display := a.display()
	defer display.Close()
	store, lock, err := a.imageStore(display.Sink(), lab.Mirror, lab.Source, update)
	if err != nil {
		return err
	}
	var built []*images.Built
	for _, img := range lab.Images {
		b, err := store.Build(ctx, img, lock)
		if err != nil {
			return err
		}
		built = append(built, b)
	}
	if update {
		lock.Retain(names(lab.Images))
	}
	if err := lock.Write(); err != nil {
		return err
	}
	display.Close()
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "IMAGE\tKERNEL\tDIGEST")
	for _, b := range built {
		fmt.Fprintf(w, "%s\t%s\t%.12s\n", b.Name, b.Release, b.Digest)
	}
	return w.Flush()
}

func names(all []testbed.Image) []string {
	list := make([]string, len(all))
	for i, img := range all {
		list[i] = img.Name
	}
	return list
}

func (a *app) imagesLsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "List what the cache holds", Args: args(cobra.NoArgs)}
	asJSON := cmd.Flags().Bool("json", false, "print as JSON")
	cmd.RunE = func(*cobra.Command, []string) error {
		store, err := a.cache()
		if err != nil {
			return err
		}
		entries, err := store.List()
		if err != nil {
			return err
		}
		if *asJSON {
			return a.printJSON(append([]images.Entry{}, entries...))
		}
		return a.printEntries(entries)
	}
	return cmd
}

func (a *app) printEntries(entries []images.Entry) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KERNEL\tUSERLAND\tSIZE\tLAST USED\tDIGEST")
	for _, e := range entries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.12s\n", e.Release, e.Userland, mebibytes(e.Size), e.Used.Format(time.DateTime), e.Digest)
	}
	return w.Flush()
}

func (a *app) imagesPruneCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Empty the cache of what has not been used for a while",
		Long:  "Remove images that no lab has asked for lately, and all that only they were made\nof. What is needed again is downloaded again, as the lab's lock pins it.",
		Args:  args(cobra.NoArgs),
	}
	unused := cmd.Flags().Duration("unused", 0, "only what was not used for so `LONG`, such as\n720h (default: everything)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		store, err := a.cache()
		if err != nil {
			return err
		}
		removed, freed, err := store.Prune(cmd.Context(), *unused)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "removed %d images, freed %s\n", removed, mebibytes(freed))
		return err
	}
	return cmd
}

func (a *app) cache() (*images.Store, error) {
	store, _, err := a.imageStore(nil, "", "", false)
	return store, err
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
