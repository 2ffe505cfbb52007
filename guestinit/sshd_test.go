package guestinit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// testReaper is one for all tests: it takes the status of every child of the
// process, so that no other may wait.
var testReaper = sync.OnceValue(func() *reaper {
	r := newReaper()
	go r.run()
	return r
})

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	return signer
}

// serveSSH serves on loopback, and returns a connected client.
func serveSSH(t *testing.T) *ssh.Client {
	t.Helper()
	hostKey, userKey := newKey(t), newKey(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	server := newSSHServer(hostKey, []ssh.PublicKey{userKey.PublicKey()}, testReaper())
	server.graces = graces{endOfInput: 300 * time.Millisecond, terminate: 300 * time.Millisecond}
	go server.serve(listener)

	client, err := dial(listener.Addr().String(), hostKey, userKey)
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	_, err = dial(listener.Addr().String(), hostKey, newKey(t))
	require.ErrorContains(t, err, "unable to authenticate")
	return client
}

func dial(address string, hostKey, userKey ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: "root", Timeout: 20 * time.Second,
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(userKey)},
		HostKeyCallback: ssh.FixedHostKey(hostKey.PublicKey()),
	})
}

func newClientSession(t *testing.T, client *ssh.Client) *ssh.Session {
	t.Helper()
	s, err := client.NewSession()
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestExec(t *testing.T) {
	client := serveSSH(t)
	for name, tt := range map[string]struct {
		command, stdin, stdout, stderr string
		status                         int
		signal                         string
	}{
		"output":       {command: "echo out; echo err >&2", stdout: "out\n", stderr: "err\n"},
		"status":       {command: "exit 7", status: 7},
		"signal":       {command: "kill -TERM $$", signal: "TERM"},
		"input":        {command: "cat", stdin: "some\ninput", stdout: "some\ninput"},
		"unread input": {command: "echo done", stdin: strings.Repeat("x", 4<<20), stdout: "done\n"},
		"no such":      {command: "exec /nonexistent 2>/dev/null", status: 127},
		"background":   {command: "(sleep 20 &) ; echo started", stdout: "started\n"},
		"own group":    {command: `[ "$(cut -d' ' -f6 /proc/$$/stat)" = $$ ] && echo leader`, stdout: "leader\n"},
		"no terminal":  {command: "test -t 0 || echo none", stdout: "none\n"},
		"path":         {command: `echo "$USER $PATH" | cut -d: -f1`, stdout: "root /usr/local/sbin\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newClientSession(t, client)
			var stdout, stderr bytes.Buffer
			s.Stdout, s.Stderr = &stdout, &stderr
			in, err := s.StdinPipe()
			require.NoError(t, err)
			require.NoError(t, s.Start(tt.command))
			go func() { // A command may end without reading all of it.
				_, _ = io.WriteString(in, tt.stdin)
				in.Close()
			}()
			err = s.Wait()
			if tt.status == 0 && tt.signal == "" {
				require.NoError(t, err)
			} else {
				var exit *ssh.ExitError
				require.ErrorAs(t, err, &exit)
				require.Equal(t, tt.signal, exit.Signal())
				if tt.signal == "" {
					require.Equal(t, tt.status, exit.ExitStatus())
				}
			}
			require.Equal(t, tt.stdout, stdout.String())
			require.Equal(t, tt.stderr, stderr.String())
		})
	}
}

// TestExecMuchData moves more than any buffer holds, both ways at once.
func TestExecMuchData(t *testing.T) {
	data := make([]byte, 8<<20)
	_, err := rand.Read(data)
	require.NoError(t, err)
	s := newClientSession(t, serveSSH(t))
	s.Stdin = bytes.NewReader(data)
	got, err := s.Output("cat")
	require.NoError(t, err)
	require.Equal(t, sha256.Sum256(data), sha256.Sum256(got))
}

// told is a channel that keeps what a client would be told.
type told struct {
	ssh.Channel // What is not below is not called.
	what        chan string
}

func (c told) Read([]byte) (int, error) { return 0, io.EOF }

func (c told) Stderr() io.ReadWriter { return new(bytes.Buffer) }

func (c told) Write(p []byte) (int, error) { c.what <- string(p); return len(p), nil }

func (c told) CloseWrite() error { c.what <- "no more"; return nil }

func (c told) Close() error { c.what <- "closed"; return nil }

func (c told) SendRequest(name string, _ bool, payload []byte) (bool, error) {
	c.what <- fmt.Sprintf("%s %x", name, payload)
	return true, nil
}

// TestEndsAtOnce: of a command that has ended before the client is told that it was
// started, nothing is said before that.
func TestEndsAtOnce(t *testing.T) {
	channel := told{what: make(chan string, 8)}
	s := &session{channel: channel, children: testReaper(), ended: make(chan struct{})}
	require.True(t, s.request(&ssh.Request{Type: "exec", Payload: ssh.Marshal(struct{ Command string }{"echo out; exit 3"})}))
	require.Eventually(t, func() bool { return unix.Kill(s.pid, 0) == unix.ESRCH }, 10*time.Second, time.Millisecond)
	time.Sleep(20 * time.Millisecond) // For what would say something too early.
	require.Empty(t, channel.what)
	s.follow()
	for _, want := range []string{"out\n", "no more", "exit-status 00000003", "closed"} {
		require.Equal(t, want, <-channel.what)
	}
}

// TestOutputOfEndedLeader reads slowly what a command left in its pipe: none of
// it may be lost because the command has ended.
func TestOutputOfEndedLeader(t *testing.T) {
	s := newClientSession(t, serveSSH(t))
	out, err := s.StdoutPipe()
	require.NoError(t, err)
	const size = 5 << 20 // More than an SSH window and a pipe.
	require.NoError(t, s.Start("(sleep 20 &); head -c "+strconv.Itoa(size)+" /dev/zero"))
	time.Sleep(200 * time.Millisecond)
	got, err := io.ReadAll(out)
	require.NoError(t, err)
	require.Len(t, got, size)
	require.NoError(t, s.Wait())
}

func TestSessionsAtOnce(t *testing.T) {
	client := serveSSH(t)
	var group sync.WaitGroup
	errs := make([]error, 10)
	for i := range errs {
		group.Go(func() {
			s, err := client.NewSession()
			if err != nil {
				errs[i] = err
				return
			}
			out, err := s.Output("sleep 0.1; echo " + strconv.Itoa(i))
			if err == nil && strings.TrimSpace(string(out)) != strconv.Itoa(i) {
				err = errors.New("got another's output: " + string(out))
			}
			errs[i] = err
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
}

func TestEnvAndSignal(t *testing.T) {
	s := newClientSession(t, serveSSH(t))
	require.NoError(t, s.Setenv("LAB", "one two"))
	out, err := s.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.Start(`trap 'echo got it; exit 3' USR1; echo "$LAB"; while :; do sleep 0.05; done`))
	line := make([]byte, 8)
	_, err = io.ReadFull(out, line)
	require.NoError(t, err)
	require.Equal(t, "one two\n", string(line))
	require.NoError(t, s.Signal(ssh.SIGUSR1))
	rest, err := io.ReadAll(out)
	require.NoError(t, err)
	require.Equal(t, "got it\n", string(rest))
	var exit *ssh.ExitError
	require.ErrorAs(t, s.Wait(), &exit)
	require.Equal(t, 3, exit.ExitStatus())
}

// An agent looks there for the NIC that it must not touch.
func TestSessionsKnowTheirConnection(t *testing.T) {
	out, err := newClientSession(t, serveSSH(t)).Output(`echo "$SSH_CONNECTION"`)
	require.NoError(t, err)
	require.Regexp(t, `^127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+\n$`, string(out))
}

func TestTerminal(t *testing.T) {
	s := newClientSession(t, serveSSH(t))
	require.NoError(t, s.RequestPty("vt100", 40, 100, nil))
	in, err := s.StdinPipe()
	require.NoError(t, err)
	out, err := s.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.Shell())
	expect := newExpecter(t, out)
	_, _ = io.WriteString(in, "stty size; echo T=$TERM; tty\n")
	expect.see("40 100")
	expect.see("T=vt100")
	expect.see("/dev/pts/")
	require.NoError(t, s.WindowChange(50, 120))
	_, _ = io.WriteString(in, "stty size\n")
	expect.see("50 120")
	_, _ = io.WriteString(in, "sleep 30\n")
	time.Sleep(200 * time.Millisecond)
	_, _ = io.WriteString(in, "\x03echo after=$?; exit 4\n") // Ctrl-C reaches the foreground job.
	expect.see("after=130")
	var exit *ssh.ExitError
	require.ErrorAs(t, s.Wait(), &exit)
	require.Equal(t, 4, exit.ExitStatus())
}

// expecter reads a terminal's output until something is seen.
type expecter struct {
	t    *testing.T
	text chan string
	all  string
}

func newExpecter(t *testing.T, r io.Reader) *expecter {
	e := &expecter{t: t, text: make(chan string, 100)}
	go func() {
		defer close(e.text)
		buffer := make([]byte, 4096)
		for {
			n, err := r.Read(buffer)
			e.text <- string(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	return e
}

func (e *expecter) see(want string) {
	e.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		if _, after, ok := strings.Cut(e.all, want); ok {
			e.all = after
			return
		}
		select {
		case more, ok := <-e.text:
			require.True(e.t, ok, "output ended before %q; got %q", want, e.all)
			e.all += more
		case <-deadline:
			require.Fail(e.t, "no output in time", "waiting for %q; got %q", want, e.all)
		}
	}
}

// TestHangUp closes a session's channel, or its whole connection, under a
// command. One that heeds the end of its input may finish by itself; one that
// heeds nothing is gone all the same, with what it started.
func TestHangUp(t *testing.T) {
	for name, tt := range map[string]struct {
		command  string
		pty      bool
		wantFile bool
	}{
		"heeds end of input": {command: "cat; echo undone > $F", wantFile: true},
		"heeds SIGTERM":      {command: "trap 'echo undone > $F; exit' TERM; while :; do sleep 0.05; done", wantFile: true},
		"heeds nothing":      {command: "trap '' TERM HUP; (trap '' TERM HUP; sleep 60) & sleep 60; sleep 60"},
		"on a terminal":      {command: "sleep 60", pty: true},
	} {
		for _, whole := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", channel", true: ", connection"}[whole], func(t *testing.T) {
				client := serveSSH(t)
				s := newClientSession(t, client)
				if tt.pty {
					require.NoError(t, s.RequestPty("vt100", 40, 100, nil))
				}
				file := filepath.Join(t.TempDir(), "undone")
				in, err := s.StdinPipe()
				require.NoError(t, err)
				defer in.Close()
				out, err := s.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, s.Start("F="+file+"; echo pid=$$.; "+tt.command))
				e := newExpecter(t, out)
				e.see("pid=")
				e.see(".")
				leader := leaderOf(t, file)
				if whole {
					require.NoError(t, client.Close())
				} else {
					require.NoError(t, s.Close())
				}
				require.Eventually(t, func() bool { return len(sessionMembers(leader)) == 0 }, 20*time.Second, 20*time.Millisecond)
				_, err = os.Stat(file)
				require.Equal(t, tt.wantFile, err == nil)
			})
		}
	}
}

// leaderOf finds the shell that was given a command with text in it.
func leaderOf(t *testing.T, text string) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, path := range all {
		line, err := os.ReadFile(path)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && bytes.Contains(line, []byte(text)) {
			if sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0); int(sid) == pid {
				return pid
			}
		}
	}
	require.Fail(t, "no such command", text)
	return 0
}

func TestRefused(t *testing.T) {
	client := serveSSH(t)
	_, _, err := client.OpenChannel("direct-tcpip", nil)
	require.ErrorContains(t, err, "only sessions are served")
	require.ErrorContains(t, newClientSession(t, client).RequestSubsystem("sftp"), "request failed")
	ok, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
	require.NoError(t, err, "a keepalive gets an answer")
	require.False(t, ok)

	s := newClientSession(t, client)
	require.NoError(t, s.Start("cat"))
	ok, err = s.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{"true"}))
	require.NoError(t, err)
	require.False(t, ok, "a session runs one command")
}

func TestParseAuthorized(t *testing.T) {
	line := string(ssh.MarshalAuthorizedKey(newKey(t).PublicKey()))
	keys, err := parseAuthorized([]string{line, line + " comment"})
	require.NoError(t, err)
	require.Len(t, keys, 2)
	_, err = parseAuthorized([]string{"ssh-ed25519 junk"})
	require.ErrorContains(t, err, "ssh-ed25519 junk")
}
