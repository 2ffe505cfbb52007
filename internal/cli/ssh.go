package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/testbed-lab/testbed/internal/terminal"
	"github.com/testbed-lab/testbed/provision"
)

func (a *app) sshCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ssh [LAB/]VM",
		Short: "Open a shell on a machine",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.onMachine(cmd.Context(), given[0], func(ctx context.Context, m provision.Machine) error {
				return a.execOn(ctx, m, nil, true)
			})
		},
	}
}

func (a *app) execCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec [LAB/]VM -- COMMAND [ARG…]",
		Short: "Run a command on a machine; its exit status is ours",
		Args:  args(cobra.MinimumNArgs(2)),
	}
	tty := cmd.Flags().BoolP("tty", "t", false, "give the command a terminal")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return a.onMachine(cmd.Context(), given[0], func(ctx context.Context, m provision.Machine) error {
			return a.execOn(ctx, m, given[1:], *tty)
		})
	}
	return cmd
}

func (a *app) onMachine(ctx context.Context, name string, do func(context.Context, provision.Machine) error) error {
	return a.withBackend(ctx, place{}, func(b provision.Backend, d *terminal.Display) error {
		lab, machine, err := find(ctx, b, name)
		if err != nil {
			return err
		}
		m, err := b.Machine(ctx, lab, machine)
		if err != nil {
			return err
		}
		defer m.Close()
		d.Close()
		return do(ctx, m)
	})
}

// execOn runs a command with our own streams; its failure is our exit status.
func (a *app) execOn(ctx context.Context, m provision.Machine, command []string, tty bool) error {
	cmd := provision.Command{Args: command, Stdin: a.stdin, Stdout: a.stdout, Stderr: a.stderr}
	if tty && a.stdinIsTerminal() {
		restore, err := a.raw(&cmd)
		if err != nil {
			return err
		}
		defer restore()
	}
	return exitStatus(m.Exec(ctx, cmd))
}

// exitStatus makes a command's failure our exit status.
func exitStatus(err error) error {
	var exit *provision.ExitError
	if errors.As(err, &exit) {
		return statusError(exit.Status)
	}
	return err
}

func (a *app) stdinIsTerminal() bool {
	file, ok := a.stdin.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// raw puts our terminal into raw mode and makes the command's follow its size.
func (a *app) raw(cmd *provision.Command) (restore func(), err error) {
	fd := int(a.stdin.(*os.File).Fd())
	width, height, err := term.GetSize(fd)
	if err != nil {
		return nil, err
	}
	old, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	resize := make(chan [2]int, 1)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	go func() {
		defer close(resize)
		for range signals {
			if w, h, err := term.GetSize(fd); err == nil {
				resize <- [2]int{w, h}
			}
		}
	}()
	cmd.TTY = &provision.TTY{Term: os.Getenv("TERM"), Width: width, Height: height, Resize: resize}
	return func() { signal.Stop(signals); close(signals); _ = term.Restore(fd, old) }, nil
}

const consoleHelp = `Connect to a machine's serial console. Ctrl-] leaves it. Without a terminal, or
with --log, print what it has shown since boot.`

func (a *app) consoleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "console [LAB/]VM",
		Short: "Connect to a machine's serial console",
		Long:  consoleHelp,
		Args:  args(cobra.ExactArgs(1)),
	}
	log := cmd.Flags().Bool("log", false, "print what it has shown since boot")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return a.onMachine(cmd.Context(), given[0], func(ctx context.Context, m provision.Machine) error {
			if *log || !a.stdinIsTerminal() {
				text, err := m.ConsoleLog(ctx)
				if err == nil && text == nil {
					return fmt.Errorf("console of %q: not on this backend, whose machines have none", m.Name())
				}
				if err == nil {
					_, err = a.stdout.Write(text)
				}
				return err
			}
			return a.attach(ctx, m)
		})
	}
	return cmd
}

// escape is Ctrl-], as in telnet and virsh.
const escape = 0x1d

// attach joins our terminal and the console until the escape key.
func (a *app) attach(ctx context.Context, m provision.Machine) error {
	console, err := m.Console(ctx)
	if err != nil {
		return err
	}
	defer console.Close()
	fd := int(a.stdin.(*os.File).Fd())
	old, err := term.MakeRaw(fd)
	if err != nil {
		return err
	}
	defer term.Restore(fd, old)
	_, _ = io.WriteString(a.stderr, "connected to "+m.Name()+"; Ctrl-] leaves\r\n")
	ended := make(chan error, 2)
	go func() { _, err := io.Copy(a.stdout, console); ended <- err }()
	go func() { ended <- copyUntilEscape(console, a.stdin) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	return err
}

func copyUntilEscape(to io.Writer, from io.Reader) error {
	buffer := make([]byte, 256)
	for {
		n, err := from.Read(buffer)
		for i, b := range buffer[:n] {
			if b == escape {
				_, err := to.Write(buffer[:i])
				return err
			}
		}
		if _, werr := to.Write(buffer[:n]); werr != nil {
			return werr
		}
		if err != nil {
			return err
		}
	}
}
