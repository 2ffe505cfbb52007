package guestinit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
)

// runSealed runs one program from its input to its output and powers the guest
// off. There is no SSH, no shell and no NIC: whatever came in would change what is
// counted. Its error ends the guest too; so does the program's.
func runSealed(cfg guestconfig.Config, children *reaper) error {
	if err := setNames(cfg); err != nil {
		return err
	}
	if err := settle(); err != nil {
		return err
	}
	input, err := os.Open(cfg.Sealed.Input)
	if err != nil {
		return fmt.Errorf("open the program's input: %w", err)
	}
	output, err := openRaw(cfg.Sealed.Output)
	if err != nil {
		return err
	}
	program := cfg.Sealed.Program
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, output, os.Stdout
	held := make(chan os.Signal, 1) // By a program that has said all and is held by the kernel.
	signal.Notify(held, unix.SIGUSR1)
	_, ended, err := children.start(cmd)
	if err != nil {
		return fmt.Errorf("start %q: %w", program[0], err)
	}
	var status unix.WaitStatus
	select {
	case status = <-ended:
	case <-held:
	}
	if err := drain(output); err != nil {
		return err
	}
	if status.ExitStatus() != 0 {
		return fmt.Errorf("%q ended with %d", program[0], status.ExitStatus())
	}
	say(guestconfig.ReadyMarker)
	powerOff()
	return nil
}

// Settings without which the scheduler would stop real-time threads for a while,
// now and then, to let others run. Kernels before 6.12 have no fair server.
var unthrottled = []struct{ file, value string }{
	{"/proc/sys/kernel/sched_rt_runtime_us", "-1"},
	{"/sys/kernel/debug/sched/fair_server/cpu0/runtime", "0"},
}

// settle waits until the kernel has chosen its clock, which it does some time after
// it has booted, and takes away what else would happen in the middle.
func settle() error {
	for _, one := range unthrottled {
		if err := os.WriteFile(one.file, []byte(one.value), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set %s: %w", one.file, err)
		}
	}
	if err := raiseSoftirqs(); err != nil {
		return err
	}
	const clock, wanted = "/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc"
	for deadline := time.Now().Add(clockTimeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(clock)
		if err != nil {
			return fmt.Errorf("read the kernel's clock: %w", err)
		}
		if strings.TrimSpace(string(text)) == wanted {
			return nil
		}
	}
	return fmt.Errorf("the kernel has not chosen the clock %q after %v", wanted, clockTimeout)
}

// softirqPriority is above that of the loops.
const softirqPriority = 2

// raiseSoftirqs puts the thread that runs softirqs before the loops. Up to Linux 6.4
// whoever raises a softirq leaves it to that thread for as long as it is runnable
// (ksoftirqd_running), and an ordinary thread beside two real-time ones stays so:
// then some blocks would take their packets by way of it, and others not.
func raiseSoftirqs() error {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil || strings.TrimSpace(string(text)) != "ksoftirqd/0" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			return err
		}
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: softirqPriority}
		if err := unix.SchedSetAttr(pid, &attr, 0); err != nil {
			return fmt.Errorf("raise the priority of ksoftirqd: %w", err)
		}
		return nil
	}
	return errors.New("raise the priority of ksoftirqd: there is none")
}

// clockTimeout is of the guest's time, which passes at once while it sleeps.
const clockTimeout = time.Minute

// openRaw opens a serial port that hands bytes on as they are.
func openRaw(name string) (*os.File, error) {
	port, err := os.OpenFile(name, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open serial port: %w (CONFIG_SERIAL_8250)", err)
	}
	termios, err := unix.IoctlGetTermios(int(port.Fd()), unix.TCGETS)
	if err == nil {
		termios.Oflag &^= unix.OPOST
		termios.Cflag = termios.Cflag&^unix.CBAUD | unix.B115200
		err = unix.IoctlSetTermios(int(port.Fd()), unix.TCSETS, termios)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up serial port %q: %w", name, err), port.Close())
	}
	return port, nil
}

// drain waits until the port has sent what it was given.
func drain(port *os.File) error {
	if err := unix.IoctlSetInt(int(port.Fd()), unix.TCSBRK, 1); err != nil {
		return fmt.Errorf("drain serial port: %w", err)
	}
	return nil
}
