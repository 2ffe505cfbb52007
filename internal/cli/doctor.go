package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/internal/doctor"
	"github.com/testbed-lab/testbed/internal/needs"
)

const doctorHelp = `Say what this machine lacks, each with the command that mends it. It changes
nothing. Exit status 1 where Testbed cannot work. With --connect to another
computer it says what the libvirt there can run, in place of this one's.

With --calibrate it boots a virtual machine, injects delays of 50 us, 200 us and
1 ms into requests in it, and says what was measured of each. That takes some
minutes, and wants a machine that is quiet. With --backend local it boots none.
With --backend icount the guest's clock is its instruction count, which no host
disturbs: that is the instrument without the rig, the same on each machine.
Exit status 1 where a delay is not found again.

With --config it looks at no machine, but holds a kernel's configuration
(.config, /boot/config-* or /proc/config.gz) against what a lab needs, by mode:
which mode lacks which option, what is built in and what a module, and in a line
of its own whether the kernel is new enough. Exit status 1 where something is
missing.`

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor [LAB]",
		Short: "Say what this machine lacks, with the command that mends it",
		Long:  doctorHelp,
		Args:  args(cobra.MaximumNArgs(1)),
	}
	asJSON := cmd.Flags().Bool("json", false, "print as JSON")
	calibrate := cmd.Flags().Bool("calibrate", false, "measure delays that are known")
	out := cmd.Flags().String("out", "", "with --calibrate: keep the result in `DIR`")
	config := cmd.Flags().String("config", "", "hold the kernel's configuration in `FILE`\nagainst what the lab needs")
	a.varFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if *config != "" {
			return a.examineConfig(cmd.Context(), *config, given, *asJSON)
		}
		if len(given) > 0 {
			return usageError{errors.New("doctor takes a lab with --config alone"), "testbed doctor --config FILE " + given[0]}
		}
		if *calibrate {
			return a.calibrate(cmd.Context(), *out, *asJSON)
		}
		o := doctor.Options{Connect: a.connect}
		if err := a.checkConnect(); err != nil {
			return err
		}
		if far(a.connect) {
			o.Hypervisor = a.lookAtHypervisor
		}
		return a.reportFindings(doctor.Examine(cmd.Context(), o), *asJSON)
	}
	return cmd
}

// lookAtHypervisor says what another computer's libvirt can run. An error has its remedy
// in it.
func (a *app) lookAtHypervisor(ctx context.Context) doctor.Finding {
	b, err := a.hypervisor(ctx, nil, a.connect, true)
	if err != nil {
		return doctor.Finding{Level: doctor.Missing, Detail: err.Error()}
	}
	defer b.Close()
	facts, err := b.Facts(ctx, "")
	if err != nil {
		return doctor.Finding{Level: doctor.Missing, Detail: err.Error()}
	}
	f := doctor.Finding{Level: doctor.OK, Detail: fmt.Sprintf("%s answers: libvirt %v, QEMU %v, %v CPUs (%v), kernel %v, KVM",
		b.Connect(), facts["libvirt"], facts["qemu"], facts["cpus"], facts["cpu_model"], facts["kernel"])}
	if b.Accelerator() != "kvm" {
		f.Level, f.Detail = doctor.Warn, strings.TrimSuffix(f.Detail, "KVM")+"no KVM; machines run under QEMU's emulation (TCG), many times slower"
	}
	return f
}

func (a *app) examineConfig(ctx context.Context, path string, given []string, asJSON bool) error {
	config, err := readConfig(path)
	if err != nil {
		return err
	}
	lab, err := a.load(ctx, given, listingRead)
	if err != nil {
		return err
	}
	return a.reportFindings(doctor.Config(path, config, needs.Of(lab.Lab)), asJSON)
}

func (a *app) reportFindings(findings []doctor.Finding, asJSON bool) error {
	if err := a.printFindings(findings, asJSON); err != nil {
		return err
	}
	if doctor.Worst(findings) == doctor.Missing {
		return statusError(exitFailed)
	}
	return nil
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
