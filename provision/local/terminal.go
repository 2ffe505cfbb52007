package local

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/creack/pty"

	"github.com/testbed-lab/testbed/provision"
)

// attachTerminal gives the command a terminal of its own.
func attachTerminal(child *exec.Cmd, cmd provision.Command) (finish func(), err error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	resize(master, cmd.TTY.Width, cmd.TTY.Height)
	child.Stdin, child.Stdout, child.Stderr = slave, slave, slave
	child.SysProcAttr.Setctty = true

	shown, over := make(chan struct{}), make(chan struct{})
	go func() {
		_, _ = io.Copy(output(cmd), master) // Ends with EIO when nobody has the slave.
		close(shown)
	}()
	if cmd.Stdin != nil {
		go func() { _, _ = io.Copy(master, cmd.Stdin) }()
	}
	go follow(master, cmd.TTY.Resize, over)
	return func() {
		close(over)
		_ = slave.Close()
		select {
		case <-shown:
		case <-time.After(drainGrace):
		}
		_ = master.Close()
	}, nil
}

func output(cmd provision.Command) io.Writer {
	if cmd.Stdout == nil {
		return io.Discard
	}
	return cmd.Stdout
}

// follow changes the terminal's size as ours changes.
func follow(master *os.File, sizes <-chan [2]int, over <-chan struct{}) {
	for sizes != nil {
		select {
		case size, ok := <-sizes:
			if !ok {
				return
			}
			resize(master, size[0], size[1])
		case <-over:
			return
		}
	}
}

func resize(master *os.File, width, height int) {
	if width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	_ = pty.Setsize(master, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)})
}
