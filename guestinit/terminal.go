package guestinit

import (
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// ptyRequest and windowChange are of RFC 4254, 6.2 and 6.7.
type ptyRequest struct {
	Term                         string
	Columns, Rows, Width, Height uint32
	Modes                        string
}

type windowChange struct{ Columns, Rows, Width, Height uint32 }

// terminal is a pseudo-terminal: the master is ours.
type terminal struct {
	master *os.File
	slave  *os.File
}

func (s *session) requestTerminal(payload []byte) bool {
	var r ptyRequest
	if s.terminal != nil || s.pid != 0 || ssh.Unmarshal(payload, &r) != nil {
		return false
	}
	t, err := openTerminal()
	if err != nil {
		return s.refuse(err)
	}
	if r.Columns > 0 && r.Rows > 0 {
		_ = t.resize(windowChange{r.Columns, r.Rows, r.Width, r.Height})
	}
	s.terminal = t
	s.env = append(s.env, "TERM="+r.Term)
	return true
}

func openTerminal() (*terminal, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open terminal (CONFIG_UNIX98_PTYS): %w", err)
	}
	var number int
	err = control(master, func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	if err != nil {
		master.Close()
		return nil, fmt.Errorf("unlock terminal: %w", err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		master.Close()
		return nil, fmt.Errorf("open terminal: %w", err)
	}
	return &terminal{master: master, slave: slave}, nil
}

// control calls do on a file's descriptor without making the file blocking.
func control(file *os.File, do func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var doErr error
	if err := conn.Control(func(fd uintptr) { doErr = do(int(fd)) }); err != nil {
		return err
	}
	return doErr
}

func (t *terminal) resize(w windowChange) error {
	return control(t.master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{
			Row: uint16(w.Rows), Col: uint16(w.Columns), Xpixel: uint16(w.Width), Ypixel: uint16(w.Height),
		})
	})
}

// attach makes the terminal the command's controlling one.
func (t *terminal) attach(cmd *exec.Cmd) (*streams, error) {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.slave, t.slave, t.slave
	cmd.SysProcAttr.Setctty = true
	return &streams{input: t.master, outputs: []output{{file: t.master}}, child: []*os.File{t.slave}}, nil
}

func (t *terminal) close() {
	if t == nil {
		return
	}
	t.master.Close()
	t.slave.Close()
}
