package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/provision"
)

// A sealed machine executes the same instructions each time: nothing reaches it
// from outside, and its clock is the number of instructions that it has executed
// (QEMU's -icount), so that even its timers come at the same one.

// sealedCPU is the same wherever QEMU emulates. AMD's, so that the kernel does not
// isolate page tables, and without the instructions that give random numbers.
const sealedCPU = "EPYC"

var randomFeatures = []string{"rdrand", "rdseed"}

// sealedStart is the time that the guest's clock begins at, in seconds of Unix
// time: 2026-01-01.
const sealedStart = "1767225600"

// countArgs have one instruction take a nanosecond of the guest's time, and let
// time that the guest would sleep pass at once.
var countArgs = []string{"-icount", "shift=0,sleep=off"}

// firmwareArgs have a firmware that does no more than a kernel needs (qboot, which
// QEMU brings), in place of a BIOS that looks for disks.
var firmwareArgs = []string{"-bios", "qboot.rom"}

// sealed are the words of the command line that fix what would differ between
// boots, or only cost instructions. The counter of the clock is known, since it
// counts nanoseconds, and needs no calibration. That of the local APIC's timer cannot be
// told its result: it spins for a tenth of a second, which QEMU emulates slowly (each PAUSE
// leaves the translated code). So the HPET, which needs none, gives the clock's ticks. Its
// other driver, for programs, would calibrate it.
var sealed = []string{
	"nokaslr", "tsc_early_khz=1000000", "tsc=reliable", "clocksource=tsc", "no_timer_check", "lpj=4000000",
	"nolapic_timer", "random.trust_cpu=off", "nowatchdog", "cryptomgr.notests",
	"initcall_blacklist=jent_mod_init,hpet_late_init,hpet_init",
}

func sealedCommandLine(extra string) string {
	words := append([]string{"console=ttyS0", "quiet", "net.ifnames=0", "panic=-1", "oops=panic"}, sealed...)
	if extra != "" {
		words = append(words, extra)
	}
	return strings.Join(words, " ")
}

func outputName(machine string) string { return machine + ".output.log" }

// seal makes a machine's document a sealed one's: no NIC, no source of random
// numbers, no clock of the host's.
func (w wantedLab) seal(d *domainXML, m provision.MachineRequest, made making) {
	d.Type, d.VCPU = "qemu", 1
	d.CPU = cpuXML{Mode: "custom", Match: "exact", Check: "none", Model: &cpuModelXML{Fallback: "forbid", Name: sealedCPU}}
	for _, name := range randomFeatures {
		d.CPU.Features = append(d.CPU.Features, cpuFeatureXML{Policy: "disable", Name: name})
	}
	d.Clock = clockXML{Offset: "absolute", Start: sealedStart, Timers: []timerXML{{Name: "rtc", Track: "guest"}}}
	d.OS.Cmdline = sealedCommandLine(m.Cmdline)
	d.Devices.RNG = nil
	d.Devices.Interfaces = nil
	d.Devices.Serials = []serialXML{fileSerial(0, made.mark.Log), fileSerial(1, filepath.Join(filepath.Dir(made.mark.Log), outputName(m.Name)))}
	d.Devices.Consoles = nil
	d.Args = nil
	args := append(slices.Concat(countArgs, firmwareArgs), "-smbios", "type=1,uuid="+m.Sealed.Seed)
	if made.plugin != "" {
		plugin := "file=" + made.plugin
		if c := m.Sealed.Counter; c != nil {
			plugin += fmt.Sprintf(",out=%s,opens=%#x,closes=%#x", made.counts, c.Opens, c.Closes)
		}
		args = append(args, "-plugin", plugin)
	}
	for _, arg := range args {
		d.Args = append(d.Args, qemuArgXML{arg})
	}
}

// fileSerial is a port that nobody can write to.
func fileSerial(port int, file string) serialXML {
	return serialXML{Type: "file", Source: &serialFileXML{Path: file, Append: "off"}, Target: serialPortXML{Type: "isa-serial", Port: port}}
}

// sealedGuest is the configuration of a machine that only runs a program.
func sealedGuest(m provision.MachineRequest) guestconfig.Config {
	return guestconfig.Config{Hostname: m.Name, Sealed: &guestconfig.Sealed{
		Program: []string{"/" + programFile, "ensemble"}, Input: "/" + inputFile, Output: "/dev/ttyS1",
	}}
}

// Places of what a sealed machine runs and reads, in its initramfs.
const (
	programFile = "usr/lib/testbed/agent"
	inputFile   = "etc/testbed/input.json"
)

func sealedFiles(m provision.MachineRequest) []images.OverlayFile {
	if m.Sealed == nil {
		return nil
	}
	return []images.OverlayFile{{Name: programFile, Mode: 0o755, Data: m.Sealed.Program}, {Name: inputFile, Mode: 0o600, Data: m.Sealed.Input}}
}

// Kinds of a plugin's files.
const (
	pluginKind = "plugin"
	countsKind = "counts"
)

// uploadPlugin uploads the plugin and, where it counts, an empty file that it may write
// to: QEMU's user cannot make one in the pool.
func (b *Backend) uploadPlugin(ctx context.Context, id string, m provision.MachineRequest, u *uploads) (err error) {
	plugin := m.Sealed.Plugin
	u.plugin, err = b.uploadAs(ctx, id, volumeName(m.Name, pluginKind, digestOf(string(plugin))), readable, int64(len(plugin)), bytes.NewReader(plugin))
	if err != nil || m.Sealed.Counter == nil {
		return err
	}
	u.counts, err = b.uploadAs(ctx, id, volumeName(m.Name, countsKind, ""), writable, 0, bytes.NewReader(nil))
	return err
}

// sealedTimeout bounds a sealed machine's run. It is no less than the agents' own
// limits, which its instructions reach sooner. Nobody looks before that how far it has come:
// who asks QEMU's monitor may move the clock of a guest that sleeps.
const sealedTimeout = 20 * time.Minute

// awaitEnd waits until a sealed machine has powered itself off, which is how it
// says that it is done.
func (j *job) awaitEnd(ctx context.Context, d seenDomain) error {
	ctx, cancel := context.WithTimeoutCause(ctx, sealedTimeout, &lateError{sealedTimeout})
	defer cancel()
	for {
		state, reason, err := j.b.domainState(ctx, d.domain)
		if late := context.Cause(ctx); errors.Is(late, context.DeadlineExceeded) {
			return j.bootError(context.WithoutCancel(ctx), d, &stalledError{sealedTimeout, j.b.progressOf(d)})
		}
		if ctx.Err() != nil {
			return j.bootError(ctx, d, context.Cause(ctx))
		}
		if err != nil {
			return err
		}
		v, err := j.b.judge(ctx, d)
		if err == nil && v.err != nil {
			return j.bootError(ctx, d, v.err)
		}
		if state == golibvirt.DomainShutoff || state == golibvirt.DomainCrashed {
			if golibvirt.DomainShutoffReason(reason) == golibvirt.DomainShutoffShutdown && v.ready {
				return nil
			}
			return j.bootError(ctx, d, fmt.Errorf("it ended early: %s (%s)%s", stateName(state), shutoffReason(reason), j.b.lastOfQEMU(ctx, d)))
		}
		select {
		case <-ctx.Done():
		case <-time.After(j.b.consoleInterval()):
		}
	}
}

// Output is what a sealed machine has written.
func (b *Backend) Output(ctx context.Context, lab, machine string) ([]byte, error) {
	d, err := b.sealedDomain(ctx, lab, machine)
	if err != nil {
		return nil, err
	}
	d.Log = filepath.Join(filepath.Dir(d.Log), outputName(machine))
	return b.readLog(ctx, d)
}

// Counts are what a sealed machine's counter has written; nil without one.
func (b *Backend) Counts(ctx context.Context, lab, machine string) ([]byte, error) {
	d, err := b.sealedDomain(ctx, lab, machine)
	if err != nil {
		return nil, err
	}
	d.Log = filepath.Join(filepath.Dir(d.Log), volumeName(machine, countsKind, ""))
	return b.readLog(ctx, d)
}

// ConsoleOf is what a sealed machine's kernel has said.
func (b *Backend) ConsoleOf(ctx context.Context, lab, machine string) ([]byte, error) {
	d, err := b.sealedDomain(ctx, lab, machine)
	if err != nil {
		return nil, err
	}
	text, err := b.readLog(ctx, d)
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), err
}

func (b *Backend) sealedDomain(ctx context.Context, lab, machine string) (seenDomain, error) {
	domains, err := b.domains(ctx)
	if err != nil {
		return seenDomain{}, err
	}
	for _, d := range domains {
		if d.Name == lab && d.Thing == machine {
			return d, nil
		}
	}
	return seenDomain{}, fmt.Errorf("read the output of %q: lab %q has no such machine", machine, lab)
}
