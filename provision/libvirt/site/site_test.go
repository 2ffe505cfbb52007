package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/computer"
	"github.com/testbed-lab/testbed/provision"
)

// loopback is a tunnel that leads back to this computer.
type loopback struct {
	lost   error
	closed bool
}

func (l *loopback) Output(ctx context.Context, script string, args ...string) ([]byte, error) {
	if l.lost != nil {
		return nil, l.lost
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", &provision.ExitError{Status: exit.ExitCode()}, said.String())
	}
	return out.Bytes(), err
}

func (l *loopback) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (l *loopback) Lost(time.Duration) error { return l.lost }
func (l *loopback) Close() error             { l.closed = true; return nil }

// opened counts the tunnels that a site has asked for.
type opened struct {
	tunnels []*loopback
	err     error
}

func (o *opened) open(context.Context) (Tunnel, error) {
	if o.err != nil {
		return nil, o.err
	}
	o.tunnels = append(o.tunnels, &loopback{})
	return o.tunnels[len(o.tunnels)-1], nil
}

func newFar(t *testing.T) (Site, *opened) {
	t.Helper()
	o := &opened{}
	s, err := Far(t.Context(), "me@host", o.open)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s, o
}

// Both kinds of site say the same of this computer and its files.
func TestFarIsAsHere(t *testing.T) {
	s, _ := newFar(t)
	require.Equal(t, "me@host", s.Name())
	want, got := Here().About(), s.About()
	require.NotEmpty(t, got.User)
	want.User, got.User = "", ""
	require.Equal(t, want, got)
	require.Equal(t, os.Getenv("HOME"), s.Getenv("HOME"))
	here, err := Here().Files(t.Context(), computer.FactFiles...)
	require.NoError(t, err)
	there, err := s.Files(t.Context(), computer.FactFiles...)
	require.NoError(t, err)
	require.Equal(t, computer.Facts(here), computer.Facts(there))
	require.Equal(t, computer.Release(here), computer.Release(there))
	state, err := s.Files(t.Context(), computer.StateFiles...)
	require.NoError(t, err)
	require.NotEmpty(t, computer.State(state)["netstat"])

	for name, s := range map[string]Site{"here": Here(), "far": s} {
		t.Run(name, func(t *testing.T) { useFiles(t, s) })
	}
}

func useFiles(t *testing.T, s Site) {
	ctx, folder := t.Context(), filepath.Join(t.TempDir(), "it's", "deep")
	require.NoError(t, s.MakeFolder(ctx, folder))
	info, err := os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	file := filepath.Join(folder, "log")
	_, err = s.ReadFile(ctx, file)
	require.ErrorIs(t, err, fs.ErrNotExist)
	text, err := s.ReadFiles(ctx, file+".0", file)
	require.NoError(t, err)
	require.Empty(t, text)
	require.NoError(t, os.WriteFile(file+".0", []byte("old\n"), 0o600))
	require.NoError(t, os.WriteFile(file, []byte("new\n"), 0o600))
	text, err = s.ReadFiles(ctx, file+".1", file+".0", file)
	require.NoError(t, err)
	require.Equal(t, "old\nnew\n", string(text))
	require.ElementsMatch(t, []string{"log", "log.0"}, s.List(ctx, folder))
	require.Empty(t, s.List(ctx, folder+"/none"))
	require.True(t, s.Exists(ctx, file))
	s.Remove(ctx, file)
	require.False(t, s.Exists(ctx, file))
	s.Remove(ctx, folder)
	require.True(t, s.Exists(ctx, folder), "it is not empty")
	require.Equal(t, "", s.Unsearchable(ctx, "/usr/bin"))
	require.Equal(t, filepath.Dir(filepath.Dir(folder)), firstPrivate(t, s, folder))
	require.NoError(t, s.RemoveAll(ctx, folder))
	require.False(t, s.Exists(ctx, folder))

	require.True(t, s.Has(ctx, "sh"))
	require.False(t, s.Has(ctx, "no-such-tool"))
	require.Equal(t, "a b\n", s.Ask(ctx, "echo", "a b"))
	require.Empty(t, s.Ask(ctx, "no-such-tool"))
	require.Empty(t, s.Ask(ctx, "sh", "-c", "echo half; exit 1"))
	require.NoError(t, s.Start(ctx, []string{"true"}))
	require.ErrorContains(t, s.Start(ctx, []string{"sh", "-c", "echo no room >&2; exit 1"}), "no room")

	links, err := s.Links(ctx)
	require.NoError(t, err)
	require.Contains(t, links, "lo")
	require.NoError(t, s.RemoveLink(ctx, "no-such-link"))
	port, err := s.FreePort(ctx)
	require.NoError(t, err)
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	require.NoError(t, err)
	listener.Close()
}

// firstPrivate opens all folders above that of the test.
func firstPrivate(t *testing.T, s Site, folder string) string {
	t.Helper()
	test := filepath.Dir(filepath.Dir(folder))
	for dir := filepath.Dir(test); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	require.NoError(t, os.Chmod(test, 0o700))
	return s.Unsearchable(t.Context(), folder)
}

func TestFarDial(t *testing.T) {
	s, _ := newFar(t)
	path := filepath.Join(t.TempDir(), "socket")
	_, err := s.Dial(t.Context(), "unix", path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "connect to me@host:"+path)
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer listener.Close()
	conn, err := s.Dial(t.Context(), "unix", path)
	require.NoError(t, err)
	conn.Close()
	err = (&far{name: "me@host"}).of("connect to", path, &provision.ExitError{Status: statusDenied})
	require.ErrorIs(t, err, fs.ErrPermission)
}

// A tunnel that was cut is made anew for what comes next, and not before.
func TestFarIsReachedAgain(t *testing.T) {
	s, o := newFar(t)
	cut := errors.New("cut")
	o.tunnels[0].lost = cut
	require.Equal(t, cut, s.Lost(0))
	require.True(t, s.Exists(t.Context(), "/"))
	require.Len(t, o.tunnels, 2)
	require.True(t, o.tunnels[0].closed)
	require.NoError(t, s.Lost(0))

	o.tunnels[1].lost, o.err = cut, errors.New("nothing answers there")
	_, err := s.ReadFile(t.Context(), "/etc/passwd")
	require.ErrorIs(t, err, o.err)
}

func TestFarThatCannotBeReached(t *testing.T) {
	o := &opened{err: errors.New("nothing answers there")}
	_, err := Far(t.Context(), "me@host", o.open)
	require.ErrorIs(t, err, o.err)
}

func TestParseAbout(t *testing.T) {
	about, env, err := parseAbout("uid 1000\nuser me\nvhost yes\nsystemd yes\nqemu qemu\nenv HOME=/home/me\nenv XDG_DATA_HOME=\ncpuinfo\nprocessor\t: 0\nmodel name\t: A Processor\nflags\t\t: fpu vmx\n")
	require.NoError(t, err)
	require.Equal(t, About{UID: 1000, User: "me", Virtualizes: true, VhostNet: true, Systemd: true, QEMUUser: "qemu"}, about)
	require.Equal(t, map[string]string{"HOME": "/home/me", "XDG_DATA_HOME": ""}, env)
	for _, text := range []string{"", "This account is not available.\n", strings.Repeat("x\n", 9) + "cpuinfo\n"} {
		_, _, err := parseAbout(text)
		require.Error(t, err, text)
	}
}
