package sshclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
)

func dial(t *testing.T, s *server) *Client {
	t.Helper()
	c, err := Dial(t.Context(), s.options())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestDialRefusesAnotherHost(t *testing.T) {
	s := serve(t)
	o := s.options()
	o.HostKey = newSigner(t).PublicKey()
	_, err := Dial(t.Context(), o)
	require.ErrorContains(t, err, `open SSH to "client" at `+s.address)
	require.ErrorContains(t, err, "host key mismatch")
}

func TestDialWithAnotherKey(t *testing.T) {
	o := serve(t).options()
	o.Key = newSigner(t)
	_, err := Dial(t.Context(), o)
	require.ErrorContains(t, err, "unable to authenticate")
}

// A user-mode port forwarding accepts and says nothing until the guest listens.
func TestDialEndsWithItsContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	o := serve(t).options()
	o.Address = listener.Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Dial(ctx, o)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = DialReady(ctx, o)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "wait for SSH")
}

func TestExec(t *testing.T) {
	s := serve(t)
	c := dial(t, s)
	for name, test := range map[string]struct {
		args   []string
		stdin  string
		want   string
		status int
	}{
		"output":    {args: []string{"echo", "a  b", "it's", "$HOME", ""}, want: "a  b it's $HOME \n"},
		"input":     {args: []string{"cat"}, stdin: "through", want: "through"},
		"status":    {args: []string{"sh", "-c", "exit 7"}, status: 7},
		"signalled": {args: []string{"sh", "-c", "kill -KILL 0"}, status: 137},
		"missing":   {args: []string{"no-such-command-here"}, status: 127},
		"shell":     {stdin: "echo from a shell\n", want: "from a shell\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := c.Exec(t.Context(), provision.Command{Args: test.args, Stdin: strings.NewReader(test.stdin), Stdout: &out})
			var exit *provision.ExitError
			if test.status == 0 {
				require.NoError(t, err)
			} else {
				require.ErrorAs(t, err, &exit)
				require.Equal(t, test.status, exit.Status)
			}
			require.Equal(t, test.want, out.String())
		})
	}
}

// An input that never ends must not hold up a command that has ended.
func TestExecReturnsBeforeItsInputEnds(t *testing.T) {
	c := dial(t, serve(t))
	stdin, w := io.Pipe()
	defer w.Close()
	require.NoError(t, c.Exec(t.Context(), provision.Command{Args: []string{"true"}, Stdin: stdin}))
}

func TestExecCancelledEndsTheCommand(t *testing.T) {
	s := serve(t)
	c := dial(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- c.Exec(ctx, provision.Command{
			Args: []string{"sh", "-c", "echo started; exec sleep 1000"}, Stdout: onWrite(func() { close(started) }),
		})
	}()
	<-started
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	_, signals, _ := s.seen()
	require.Equal(t, []string{"TERM"}, signals)
}

func TestExecOnASilentServer(t *testing.T) {
	s := serve(t, func(s *server) { s.mute = true })
	c := dial(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.Exec(ctx, provision.Command{Args: []string{"true"}}), context.DeadlineExceeded)
}

func TestExecOnALostConnection(t *testing.T) {
	c := dial(t, serve(t))
	ended := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		ended <- c.Exec(t.Context(), provision.Command{
			Args: []string{"sh", "-c", "echo started; sleep 1"}, Stdout: onWrite(func() { close(started) }),
		})
	}()
	<-started
	c.Close()
	err := <-ended
	require.ErrorContains(t, err, "the connection ended before the command did")
	var exit *provision.ExitError
	require.False(t, errors.As(err, &exit))
}

func TestExecTerminal(t *testing.T) {
	s := serve(t)
	c := dial(t, s)
	resize := make(chan [2]int)
	stdin, keyboard := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- c.Exec(t.Context(), provision.Command{
			Args: []string{"cat"}, Stdin: stdin, TTY: &provision.TTY{Term: "xterm", Width: 100, Height: 40, Resize: resize},
		})
	}()
	resize <- [2]int{120, 50}
	require.Eventually(t, func() bool { sizes, _, _ := s.seen(); return len(sizes) == 2 }, 5*time.Second, time.Millisecond)
	keyboard.Close()
	require.NoError(t, <-ended)
	sizes, _, _ := s.seen()
	require.Equal(t, [][2]uint32{{100, 40}, {120, 50}}, sizes)
}

func TestPush(t *testing.T) {
	s := serve(t)
	c := dial(t, s)
	file := filepath.Join(t.TempDir(), "a folder", "it's a file")
	data := bytes.Repeat([]byte("testbed\n"), 200_000)
	require.NoError(t, c.Push(t.Context(), file, data, 0o755))
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, data, got)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm())

	_, _, before := s.seen()
	require.NoError(t, c.Push(t.Context(), file, data, 0o700))
	_, _, after := s.seen()
	for _, command := range after[len(before):] {
		require.NotContains(t, command, "cat >", "a file that is there is not sent again")
	}
	info, err = os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

// A machine that keeps other bytes than were sent leaves the old file as it was.
func TestPushDetectsDamage(t *testing.T) {
	c := dial(t, serve(t))
	dir := t.TempDir()
	file := filepath.Join(dir, "agent")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	sum := sha256.Sum256([]byte("new"))
	require.NoError(t, os.Symlink("/dev/null", fmt.Sprintf("%s.%.12x.new", file, sum[:6])))
	err := c.Push(t.Context(), file, []byte("new"), 0o755)
	require.ErrorContains(t, err, "the machine has SHA-256")
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing half-made is left")
}

func TestPushWhereNothingCanBeWritten(t *testing.T) {
	err := dial(t, serve(t)).Push(t.Context(), "/proc/no/such/folder", []byte("x"), 0o600)
	require.ErrorContains(t, err, `push "/proc/no/such/folder"`)
	require.ErrorContains(t, err, "mkdir")
}

func TestQuote(t *testing.T) {
	require.Equal(t, `echo 'a b' '' 'it'\''s' 'a=b'`, Quote([]string{"echo", "a b", "", "it's", "a=b"}))
}

type onWrite func()

func (f onWrite) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}
