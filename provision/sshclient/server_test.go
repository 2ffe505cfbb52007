package sshclient

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// server is an SSH server in this process that runs commands with sh, as a
// machine's does, and keeps what it was asked for.
type server struct {
	address string
	host    ssh.Signer
	client  ssh.Signer
	mute    bool // Answers no request on a session.

	mu      sync.Mutex
	sizes   [][2]uint32 // Of terminals: columns and rows.
	signals []string
	execs   []string
}

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	return signer
}

func serve(t *testing.T, change ...func(*server)) *server {
	t.Helper()
	s := &server{host: newSigner(t), client: newSigner(t)}
	for _, f := range change {
		f(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	s.address = listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go s.connection(conn)
		}
	}()
	return s
}

func (s *server) options() Options {
	return Options{Name: "client", Address: s.address, Key: s.client, HostKey: s.host.PublicKey()}
}

func (s *server) connection(raw net.Conn) {
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(s.client.PublicKey().Marshal()) {
			return nil, errors.New("another key")
		}
		return nil, nil
	}}
	config.AddHostKey(s.host)
	_, channels, requests, err := ssh.NewServerConn(raw, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err == nil {
			go s.session(channel, requests)
		}
	}
}

func (s *server) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	var process *exec.Cmd
	for r := range requests {
		if s.mute {
			continue
		}
		switch r.Type {
		case "pty-req":
			var pty struct {
				Term                         string
				Columns, Rows, Width, Height uint32
				Modes                        string
			}
			ssh.Unmarshal(r.Payload, &pty)
			s.note(func() { s.sizes = append(s.sizes, [2]uint32{pty.Columns, pty.Rows}) })
		case "window-change":
			var size struct{ Columns, Rows, Width, Height uint32 }
			ssh.Unmarshal(r.Payload, &size)
			s.note(func() { s.sizes = append(s.sizes, [2]uint32{size.Columns, size.Rows}) })
		case "exec", "shell":
			var command struct{ Value string }
			ssh.Unmarshal(r.Payload, &command)
			s.note(func() { s.execs = append(s.execs, command.Value) })
			process = s.start(channel, command.Value)
		case "signal":
			var signal struct{ Name string }
			ssh.Unmarshal(r.Payload, &signal)
			s.note(func() { s.signals = append(s.signals, signal.Name) })
			number := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}[signal.Name]
			syscall.Kill(-process.Process.Pid, number)
		}
		if r.WantReply {
			r.Reply(true, nil)
		}
	}
}

func (s *server) note(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *server) seen() (sizes [][2]uint32, signals, execs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sizes, s.signals, s.execs
}

func (s *server) start(channel ssh.Channel, command string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", command)
	if command == "" {
		cmd = exec.Command("sh")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		channel.Close()
		return cmd
	}
	go func() {
		io.Copy(stdin, channel)
		stdin.Close()
	}()
	go func() {
		cmd.Wait()
		state := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if state.Signaled() {
			channel.SendRequest("exit-signal", false, ssh.Marshal(struct {
				Name     string
				Core     bool
				Text, To string
			}{Name: map[syscall.Signal]string{syscall.SIGTERM: "TERM", syscall.SIGKILL: "KILL"}[state.Signal()]}))
		} else {
			channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(state.ExitStatus())}))
		}
		channel.Close()
	}()
	return cmd
}
