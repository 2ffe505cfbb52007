package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/images"
)

// listing says where the lists of kernels come from that a lab asks for.
type listing int

const (
	listingRead   listing = iota // From the lock or else the mirror; nothing is written.
	listingPin                   // The same, and the lock keeps what the mirror said.
	listingUpdate                // From the mirror, whatever the lock says.
)

// kernelsOf answers kernels() in a lab file.
func (a *app) kernelsOf(ctx context.Context, labPath string, how listing) func(hcl.KernelRange) ([]string, error) {
	return func(r hcl.KernelRange) ([]string, error) {
		display := a.display()
		defer display.Close()
		store, err := images.Open(images.Options{Mirror: r.Mirror, Update: how == listingUpdate, Progress: display.Sink()})
		if err != nil {
			return nil, err
		}
		lock, err := images.ReadLock(images.LockPath(labPath))
		if err != nil {
			return nil, err
		}
		served, err := store.Kernels(ctx, images.KernelRange{From: r.From, To: r.To, Suites: r.Releases}, lock)
		if err != nil {
			return nil, err
		}
		var versions []string
		for _, k := range served {
			versions = append(versions, k.Version)
		}
		if how == listingRead {
			return versions, nil
		}
		return versions, lock.Write()
	}
}

func (a *app) kernelListCommand() *cobra.Command {
	var r images.KernelRange
	cmd := &cobra.Command{
		Use:   "list [FROM [TO]]",
		Short: "List the packaged kernels between two versions",
		Long: "List the cloud kernels that the Debian mirror serves between two versions, both\n" +
			"included, the oldest first: what kernels(FROM, TO) gives in a lab file. A\n" +
			"version is the beginning of one (6.12 is every 6.12.x), what uname -r says, or\n" +
			"that of a package. Without TO up to the newest, without FROM all.\n\n" +
			"A suite whose index has expired is left out, and said.",
		Example: "  testbed kernel list 6.12 7.3\n" +
			"  testbed kernel list --release trixie-backports --json",
		Args: args(cobra.MaximumNArgs(2)),
	}
	flags := cmd.Flags()
	releasesFlag(cmd, &r.Suites)
	flags.StringVar(&r.Mirror, "mirror", "", "Debian mirror `URL` (default: that of this machine's\napt)")
	asJSON := flags.Bool("json", false, "print as JSON")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		for i, to := range []*string{&r.From, &r.To} {
			if i < len(given) {
				*to = given[i]
			}
		}
		return a.listKernels(cmd.Context(), r, *asJSON)
	}
	return cmd
}

// releasesFlag is for verbs that take a range of packaged kernels.
func releasesFlag(cmd *cobra.Command, suites *[]string) {
	cmd.Flags().StringArrayVar(suites, "release", nil, "look for kernels in Debian's `SUITE` alone; may be\nrepeated (default: bookworm, trixie and their\nbackports)")
}

func (a *app) listKernels(ctx context.Context, r images.KernelRange, asJSON bool) error {
	display := a.display()
	defer display.Close()
	store, err := images.Open(images.Options{Mirror: r.Mirror, Progress: display.Sink()})
	if err != nil {
		return err
	}
	all, err := store.Kernels(ctx, r, nil)
	if err != nil {
		return err
	}
	display.Close()
	if asJSON {
		return a.printJSON(kernelRows(all))
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VERSION\tRELEASE\tPACKAGE\tKERNEL")
	for _, k := range kernelRows(all) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.Version, k.Release, k.PackageVersion, k.KernelRelease)
	}
	return w.Flush()
}

// kernelRow is a kernel in the list.
type kernelRow struct {
	Version        string `json:"version"`
	Release        string `json:"release"` // Debian suite.
	PackageVersion string `json:"package_version"`
	KernelRelease  string `json:"kernel_release"` // uname -r
}

func kernelRows(all []images.Served) []kernelRow {
	rows := make([]kernelRow, len(all))
	for i, k := range all {
		rows[i] = kernelRow{k.Upstream, k.Suite, k.Version, k.Release}
	}
	return rows
}
