package guestinit

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// streams are a command's input and output, and our ends of them.
type streams struct {
	input   *os.File
	outputs []output
	child   []*os.File // The command's own ends, ours to close once it started.
}

// output is one stream of what a command writes.
type output struct {
	file   *os.File
	stderr bool
}

// attachPipes gives a command three pipes.
func attachPipes(cmd *exec.Cmd) (*streams, error) {
	var files [6]*os.File
	for i := 0; i < len(files); i += 2 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(files[:])
			return nil, err
		}
		files[i], files[i+1] = r, w
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[3], files[5]
	return &streams{
		input:   files[1],
		outputs: []output{{file: files[2]}, {file: files[4], stderr: true}},
		child:   []*os.File{files[0], files[3], files[5]},
	}, nil
}

// copyTo moves data between the command and the channel. The result is closed
// when all output was sent.
func (s *streams) copyTo(channel ssh.Channel) <-chan struct{} {
	go func() {
		_, _ = io.Copy(s.input, channel)
		if len(s.outputs) > 1 { // A terminal's one file is also its output.
			s.input.Close()
		}
		// What comes now nobody reads; left alone it would fill the window.
		_, _ = io.Copy(io.Discard, channel)
	}()
	var group sync.WaitGroup
	for _, o := range s.outputs {
		group.Go(func() {
			to := io.Writer(channel)
			if o.stderr {
				to = channel.Stderr()
			}
			copyOutput(to, o.file)
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	return done
}

// copyOutput copies until the end of file, or until the leader has ended (the
// deadline passed) and nothing more is there: a process that it left in the
// background may keep the file open for ever.
func copyOutput(to io.Writer, from *os.File) {
	_, err := io.Copy(to, struct{ io.Reader }{from})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_, _ = io.Copy(to, pending{from})
	}
}

// pending reads what a non-blocking file has by now, whatever its deadline.
type pending struct{ file *os.File }

func (p pending) Read(buffer []byte) (n int, err error) {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := conn.Control(func(fd uintptr) { n, err = syscall.Read(int(fd), buffer) })
	if controlErr != nil || err != nil || n <= 0 {
		return 0, io.EOF // Nothing there, a terminal's EIO, or really the end.
	}
	return n, nil
}

// leaderEnded lets the copies end once they have what is there.
func (s *streams) leaderEnded() {
	for _, o := range s.outputs {
		_ = o.file.SetReadDeadline(time.Now())
	}
}

// hangUp shows the command the end of its input; a terminal's processes get
// SIGHUP from the kernel.
func (s *streams) hangUp() { s.input.Close() }

func (s *streams) closeChildEnds() { closeAll(s.child) }

func (s *streams) closeOurEnds() {
	s.input.Close()
	for _, o := range s.outputs {
		o.file.Close()
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
