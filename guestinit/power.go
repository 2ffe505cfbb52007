package guestinit

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// awaitPower waits for what poweroff(8), halt(8) and reboot(8) of busybox send
// to PID 1, and for Ctrl-Alt-Del. There is nothing to save, so it happens at
// once.
func awaitPower() {
	// Ctrl-Alt-Del becomes SIGINT, rather than a reset that nobody asked us about.
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTERM, unix.SIGINT, unix.SIGPWR)
	switch <-signals {
	case unix.SIGTERM, unix.SIGINT:
		reboot(unix.LINUX_REBOOT_CMD_RESTART)
	default:
		powerOff()
	}
}

func powerOff() { reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) }

// reboot never returns: a PID 1 that ended would be a kernel panic.
func reboot(command int) {
	drainConsole()
	unix.Sync()
	if os.Getpid() == 1 {
		_ = unix.Reboot(command)
		select {}
	}
	os.Exit(1)
}

// say writes a line to the console.
func say(line string) { _, _ = os.Stdout.WriteString(line + "\n") }

// drainConsole waits until the console has sent what it was given, or the last
// line would be lost when the machine goes off.
func drainConsole() {
	_ = unix.IoctlSetInt(int(os.Stdout.Fd()), unix.TCSBRK, 1)
}
