package guestinit

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// When a client goes away its command first only sees its input end: an agent
// undoes what it built then. What is still there after the grace is told to
// end, and then ended.
type graces struct{ endOfInput, terminate time.Duration }

var defaultGraces = graces{endOfInput: 10 * time.Second, terminate: 5 * time.Second}

// baseEnv is the environment of all sessions.
var baseEnv = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8",
}

const shell = "/bin/sh"

// session is one channel: at most one command or shell.
type session struct {
	channel  ssh.Channel
	children *reaper
	graces   graces
	env      []string
	terminal *terminal              // Nil without pty-req.
	streams  *streams               // Nil until something runs.
	pid      int                    // Also the ID of its process group and session; 0 until something runs.
	status   <-chan unix.WaitStatus // Of what was started, until it is followed.
	ended    chan struct{}
}

func newSession(channel ssh.Channel, server *sshServer, conn ssh.ConnMetadata) *session {
	env := append(slices.Clone(baseEnv), connection(conn))
	return &session{channel: channel, children: server.children, graces: server.graces, env: env, ended: make(chan struct{})}
}

// connection tells commands who is at the other end, as sshd does.
func connection(conn ssh.ConnMetadata) string {
	words := []string{}
	for _, address := range []net.Addr{conn.RemoteAddr(), conn.LocalAddr()} {
		if host, port, err := net.SplitHostPort(address.String()); err == nil {
			words = append(words, host, port)
		}
	}
	return "SSH_CONNECTION=" + strings.Join(words, " ")
}

// serve handles a session's requests until its channel or connection closes,
// and then sees to it that nothing of it goes on.
func (s *session) serve(requests <-chan *ssh.Request) {
	for request := range requests {
		ok := s.request(request)
		if request.WantReply {
			_ = request.Reply(ok, nil)
		}
		s.follow()
	}
	_ = s.channel.Close()
	if s.pid == 0 {
		s.terminal.close()
		return
	}
	s.hangUp()
}

func (s *session) request(r *ssh.Request) bool {
	switch r.Type {
	case "env":
		var v struct{ Name, Value string }
		if ssh.Unmarshal(r.Payload, &v) != nil || strings.ContainsAny(v.Name+v.Value, "\x00") {
			return false
		}
		s.env = append(s.env, v.Name+"="+v.Value)
		return true
	case "pty-req":
		return s.requestTerminal(r.Payload)
	case "window-change":
		var v windowChange
		return s.terminal != nil && ssh.Unmarshal(r.Payload, &v) == nil && s.terminal.resize(v) == nil
	case "shell":
		return s.start(exec.Command(shell, "-l"))
	case "exec":
		var v struct{ Command string }
		return ssh.Unmarshal(r.Payload, &v) == nil && s.start(exec.Command(shell, "-c", v.Command))
	case "signal":
		var v struct{ Name string }
		return ssh.Unmarshal(r.Payload, &v) == nil && s.signal(unix.SignalNum("SIG"+v.Name))
	}
	return false
}

// start runs a command as the leader of a session and process group of its own.
func (s *session) start(cmd *exec.Cmd) bool {
	if s.pid != 0 {
		return false
	}
	cmd.Dir, cmd.Env = "/root", s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if _, err := os.Stat(cmd.Dir); err != nil {
		cmd.Dir = "/"
	}
	var err error
	if s.terminal != nil {
		s.streams, err = s.terminal.attach(cmd)
	} else {
		s.streams, err = attachPipes(cmd)
	}
	if err != nil {
		return s.refuse(err)
	}
	pid, status, err := s.children.start(cmd)
	s.streams.closeChildEnds()
	if err != nil {
		s.streams.closeOurEnds()
		return s.refuse(err)
	}
	s.pid, s.status = pid, status
	return true
}

// follow attends to what was started. The client has been told by then that it was: the
// channel of a command that ends at once would be closed before, which says that it was
// not.
func (s *session) follow() {
	if s.status != nil {
		go s.attend(s.status)
		s.status = nil
	}
}

// signal reaches the leader's process group, as a key on a terminal would.
func (s *session) signal(number unix.Signal) bool {
	return number != 0 && s.pid != 0 && unix.Kill(-s.pid, number) == nil
}

// refuse tells the client why nothing was started.
func (s *session) refuse(err error) bool {
	_, _ = s.channel.Stderr().Write([]byte("testbed: " + err.Error() + "\n"))
	return false
}

// attend moves data until the leader has ended and all its output was sent,
// and then reports how it ended. What the leader left running in the background
// goes on, as with sshd.
func (s *session) attend(status <-chan unix.WaitStatus) {
	outputDone := s.streams.copyTo(s.channel)
	how := <-status
	close(s.ended)
	s.streams.leaderEnded()
	<-outputDone
	s.streams.closeOurEnds()
	_ = s.channel.CloseWrite()
	sendStatus(s.channel, how)
	_ = s.channel.Close()
}

// hangUp ends a session whose client is gone.
func (s *session) hangUp() {
	s.streams.hangUp()
	for _, step := range []struct {
		grace  time.Duration
		signal unix.Signal
	}{{s.graces.endOfInput, unix.SIGTERM}, {s.graces.terminate, unix.SIGKILL}} {
		select {
		case <-s.ended:
			return
		case <-time.After(step.grace):
		}
		for _, pid := range sessionMembers(s.pid) {
			_ = unix.Kill(pid, step.signal)
		}
	}
}

// sendStatus reports a leader's end as RFC 4254, 6.10 says.
func sendStatus(channel ssh.Channel, how unix.WaitStatus) {
	if how.Signaled() {
		v := struct {
			Signal      string
			Core        bool
			Error, Lang string
		}{strings.TrimPrefix(unix.SignalName(how.Signal()), "SIG"), how.CoreDump(), "", ""}
		_, _ = channel.SendRequest("exit-signal", false, ssh.Marshal(v))
		return
	}
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(how.ExitStatus())}))
}
