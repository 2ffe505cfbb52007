package guestinit

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// consoleShells gives whoever attaches to the console a shell, one after the
// other. It waits for ENTER first, so that an unattended console has no process
// on it and costs nothing.
func consoleShells(children *reaper, hostname string) {
	device := consoleDevice()
	for {
		if err := awaitEnter(device, hostname); err != nil {
			return // No console to read from.
		}
		if err := runConsoleShell(children, device); err != nil {
			say("testbed-guest: start console shell: " + err.Error())
			return
		}
	}
}

// consoleDevice is the terminal behind /dev/console: a shell needs the real one
// for job control.
func consoleDevice() string {
	active, err := os.ReadFile("/sys/class/tty/console/active")
	names := strings.Fields(string(active))
	if err != nil || len(names) == 0 {
		return "/dev/console"
	}
	return "/dev/" + names[len(names)-1]
}

func awaitEnter(device, hostname string) error {
	tty, err := os.OpenFile(device, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer tty.Close()
	fmt.Fprintf(tty, "\nPress ENTER for a shell on %s.\n", hostname)
	_, err = bufio.NewReaderSize(tty, 256).ReadString('\n')
	return err
}

func runConsoleShell(children *reaper, device string) error {
	tty, err := os.OpenFile(device, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer tty.Close()
	cmd := exec.Command(shell, "-l")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.Dir, cmd.Env = "/root", append(slices.Clone(baseEnv), "TERM=vt220")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	_, ended, err := children.start(cmd)
	if err != nil {
		return err
	}
	<-ended
	return nil
}
