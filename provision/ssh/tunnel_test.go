package ssh

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
)

// server is an OpenSSH server of this user on loopback.
type server struct {
	t       *testing.T
	folder  string
	process *exec.Cmd
	port    int
	command string // For a client that knows the server and has a key for it.
}

func newServer(t *testing.T, more ...string) *server {
	t.Helper()
	for _, path := range []string{"/usr/sbin/sshd", "/usr/bin/ssh"} {
		if _, err := os.Stat(path); err != nil {
			if os.Getenv("TESTBED_BUILT") != "" {
				t.Fatalf("this machine lacks %s, which scripts/setup --test installs", path)
			}
			t.Skipf("this machine lacks %s: apt-get install openssh-server openssh-client", path)
		}
	}
	if os.Geteuid() == 0 && os.Mkdir("/run/sshd", 0o755) == nil { // Of a server that no service manager starts.
		t.Cleanup(func() { _ = os.Remove("/run/sshd") })
	}
	s := &server{t: t, folder: t.TempDir()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.port = listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	for _, name := range []string{"host", "user"} {
		out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.path(name)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	public, err := os.ReadFile(s.path("host.pub"))
	require.NoError(t, err)
	s.write("known", fmt.Sprintf("[127.0.0.1]:%d %s", s.port, public))
	config := s.write("sshd", strings.Join(append([]string{
		fmt.Sprintf("ListenAddress 127.0.0.1:%d", s.port), "HostKey " + s.path("host"), "AuthorizedKeysFile " + s.path("user.pub"),
		"StrictModes no", "UsePAM no", "PidFile none", "PermitRootLogin yes",
	}, append(more, "")...), "\n"))
	s.command = "ssh -F " + s.write("client", fmt.Sprintf(
		"Host *\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile none\n", s.path("user"), s.path("known")))
	s.process = exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", config)
	s.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, s.process.Start())
	t.Cleanup(func() {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, 20*time.Second, 10*time.Millisecond, "sshd does not answer")
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.folder, name) }

func (s *server) write(name, text string) string {
	require.NoError(s.t, os.WriteFile(s.path(name), []byte(text), 0o600))
	return s.path(name)
}

func (s *server) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s *server) tunnel() *Tunnel {
	s.t.Helper()
	tunnel, err := OpenTunnel(s.t.Context(), s.command, "hypervisor", s.address())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, tunnel.Close()) })
	return tunnel
}

// A tunnel leads to sockets of both kinds there, several at once, and leaves none
// of its own listening here.
func TestTunnelLeadsToSockets(t *testing.T) {
	s := newServer(t)
	tunnel := s.tunnel()
	for network, listen := range map[string]string{"tcp": "127.0.0.1:0", "unix": s.path("socket")} {
		listener, err := net.Listen(network, listen)
		require.NoError(t, err)
		t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				go func() { defer conn.Close(); io.Copy(conn, conn) }()
			}
		}()
		for range 3 {
			conn, err := tunnel.Dial(t.Context(), network, listener.Addr().String())
			require.NoError(t, err)
			t.Cleanup(func() { conn.Close() })
			text := strings.Repeat("hello "+network+"\n", 10_000)
			go io.WriteString(conn, text)
			got := make([]byte, len(text))
			_, err = io.ReadFull(conn, got)
			require.NoError(t, err)
			require.Equal(t, text, string(got))
		}
	}
	entries, err := os.ReadDir(tunnel.conn.client.folder)
	require.NoError(t, err)
	require.Len(t, entries, 1, "the connection's own socket")
}

// What is not there is a connection that ends at once.
func TestTunnelToNothing(t *testing.T) {
	s := newServer(t)
	conn, err := s.tunnel().Dial(t.Context(), "unix", s.path("nothing"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestTunnelRunsCommands(t *testing.T) {
	s := newServer(t)
	tunnel := s.tunnel()
	out, err := tunnel.Output(t.Context(), `echo "$1-$2"`, "a b", "c'd")
	require.NoError(t, err)
	require.Equal(t, "a b-c'd\n", string(out))
	_, err = tunnel.Output(t.Context(), "echo out; echo complaint >&2; exit 7")
	var exit *provision.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 7, exit.Status)
	require.ErrorContains(t, err, "complaint")
}

// A server that goes takes the tunnel with it, and that is said of what follows.
func TestTunnelThatIsCut(t *testing.T) {
	s := newServer(t)
	tunnel := s.tunnel()
	require.NoError(t, tunnel.Lost(0))
	out, err := tunnel.Output(t.Context(), `echo $PPID`)
	require.NoError(t, err)
	// The session's server is the command's parent or, where privileges are
	// separated, that one's child.
	_, err = tunnel.Output(t.Context(), `kill -9 $1`, strings.TrimSpace(string(out)))
	require.Error(t, err)
	require.Error(t, tunnel.Lost(10*time.Second))
	_, err = tunnel.Dial(t.Context(), "tcp", "127.0.0.1:1")
	require.EqualError(t, err, tunnel.Lost(0).Error())
}

func TestTunnelThatCannotBe(t *testing.T) {
	s := newServer(t)
	for name, test := range map[string]struct{ command, address, err string }{
		"nobody answers":   {s.command, "127.0.0.1:1", "nothing answers there"},
		"unknown host key": {strings.Replace(s.command, s.path("client"), s.write("stranger", fmt.Sprintf("Host *\n  IdentityFile %s\n  UserKnownHostsFile /dev/null\n  GlobalKnownHostsFile none\n", s.path("user"))), 1), s.address(), "you do not know its host key; look at it and accept it once: ssh -F"},
		"no key fits":      {strings.Replace(s.command, s.path("client"), s.write("keyless", fmt.Sprintf("Host *\n  IdentityFile none\n  IdentityAgent none\n  UserKnownHostsFile %s\n", s.path("known"))), 1), s.address(), "it takes none of your keys"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := OpenTunnel(t.Context(), test.command, "hypervisor", test.address)
			require.ErrorContains(t, err, "reach hypervisor "+test.address+": ")
			require.ErrorContains(t, err, test.err)
		})
	}
}
