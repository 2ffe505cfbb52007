package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/thread"
	"github.com/testbed-lab/testbed/provision"
)

const (
	// endGrace is how long a command may take to end when it was told to: an
	// agent undoes what it built then.
	endGrace = 10 * time.Second
	// drainGrace is how long output is still taken after a command has ended;
	// what it left running in the background may hold it open for ever.
	drainGrace = 5 * time.Second
)

// Exec runs a command in the machine's namespaces and on its CPUs. A command is
// a child of the thread that moved there, so the thread stays until it has ended.
func (m *machine) Exec(ctx context.Context, cmd provision.Command) error {
	return <-thread.Run(func() error {
		if err := m.enter(); err != nil {
			return m.errorf(cmd, err)
		}
		return m.run(ctx, cmd)
	})
}

// enter moves the calling thread to the machine.
func (m *machine) enter() error {
	if err := enter(m.lab.machine(m.name)); err != nil {
		return err
	}
	var set unix.CPUSet
	for _, cpu := range m.cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("move to CPU %s: %w", cpuList(m.cpus), err)
	}
	showOwnDevices(m.lab.in("sysfs"))
	return nil
}

// showOwnDevices shows the namespace's devices below /sys, for tools that look
// there: a sysfs shows those of whoever mounted it. Only these two folders are
// replaced, so that tracefs and the rest stay. It is seen by this thread and
// what it starts. Where it cannot be done, as in some containers, /sys shows
// the host's devices; netlink and ioctl, which the agent asks, never do.
func showOwnDevices(mountpoint string) {
	if os.MkdirAll(mountpoint, 0o755) != nil || unix.Unshare(unix.CLONE_NEWNS) != nil ||
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") != nil ||
		unix.Mount("sysfs", mountpoint, "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "") != nil {
		return
	}
	for _, folder := range []string{"/class/net", "/devices/virtual/net"} {
		_ = unix.Mount(mountpoint+folder, "/sys"+folder, "", unix.MS_BIND, "")
	}
	_ = unix.Unmount(mountpoint, unix.MNT_DETACH)
}

func (m *machine) run(ctx context.Context, cmd provision.Command) error {
	if err := ctx.Err(); err != nil {
		return m.errorf(cmd, err)
	}
	child := command(cmd)
	finish, err := attach(child, cmd)
	if err != nil {
		return m.errorf(cmd, err)
	}
	if err := child.Start(); err != nil {
		finish()
		return m.errorf(cmd, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	err, cause := wait(ctx, child.Process.Pid, ended)
	finish()
	if cause != nil {
		return m.errorf(cmd, cause)
	}
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil
	case errors.As(err, &exit):
		return &provision.ExitError{Status: statusOf(exit)}
	}
	return m.errorf(cmd, err)
}

// wait ends the command's process group when the context is over.
func wait(ctx context.Context, pid int, ended <-chan error) (err, cause error) {
	select {
	case err := <-ended:
		return err, nil
	case <-ctx.Done():
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = syscall.Kill(-pid, signal)
		select {
		case err := <-ended:
			_ = syscall.Kill(-pid, syscall.SIGKILL) // What it had started.
			return err, ctx.Err()
		case <-time.After(endGrace):
		}
	}
	return nil, fmt.Errorf("%w; it answers no signal", ctx.Err())
}

// statusOf gives a command that a signal ended the status that a shell gives it.
func statusOf(exit *exec.ExitError) int {
	if status, is := exit.Sys().(syscall.WaitStatus); is && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// command is run by a shell as on a machine behind SSH, so that what is not
// there is said in the same words. It leads a session: Ctrl-C on our terminal
// reaches us alone. It gets a signal when this process dies, however it dies: not SIGHUP,
// which is ignored in all that starts under nohup, but where it has a terminal, whose
// shells ignore SIGTERM.
func command(cmd provision.Command) *exec.Cmd {
	child := exec.Command("/bin/sh", append([]string{"-c", `exec "$@"`, "sh"}, cmd.Args...)...)
	if len(cmd.Args) == 0 {
		child = exec.Command(shell(), "-l")
	}
	child.Env = environment(cmd.TTY)
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	if cmd.TTY != nil {
		child.SysProcAttr.Pdeathsig = syscall.SIGHUP
	}
	child.WaitDelay = drainGrace
	return child
}

func shell() string {
	if own := os.Getenv("SHELL"); own != "" {
		return own
	}
	return "/bin/sh"
}

// environment is a guest's, with the user's home: settings of our own process
// must not reach what is measured.
func environment(tty *provision.TTY) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
		"HOME=" + os.Getenv("HOME"), "USER=root", "LOGNAME=root", "SHELL=" + shell(),
	}
	if tty != nil {
		term := tty.Term
		if term == "" {
			term = "vt100"
		}
		env = append(env, "TERM="+term)
	}
	return env
}

// attach gives the command its streams, and returns what ends ours.
func attach(child *exec.Cmd, cmd provision.Command) (finish func(), err error) {
	if cmd.TTY != nil {
		return attachTerminal(child, cmd)
	}
	child.Stdout, child.Stderr = cmd.Stdout, cmd.Stderr
	if cmd.Stdin == nil {
		return func() {}, nil
	}
	if file, is := cmd.Stdin.(*os.File); is {
		child.Stdin = file
		return func() {}, nil
	}
	// Not exec's own copying: its Wait waits for a reader that may never end.
	stdin, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	go func() {
		_, _ = io.Copy(stdin, cmd.Stdin)
		_ = stdin.Close()
	}()
	return func() { _ = stdin.Close() }, nil
}

func (m *machine) errorf(cmd provision.Command, err error) error {
	what := "a shell"
	if len(cmd.Args) > 0 {
		what = fmt.Sprintf("%q", strings.Join(cmd.Args, " "))
	}
	return fmt.Errorf("run %s on %q: %w", what, m.name, err)
}
