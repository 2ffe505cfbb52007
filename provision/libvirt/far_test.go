package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision/libvirt/site"
	"github.com/testbed-lab/testbed/testbed"
)

// farEndpoint is a daemon of another computer.
func farEndpoint(t *testing.T, connect string, at site.Site) endpoint {
	t.Helper()
	h, err := testbed.ParseConnect(connect)
	require.NoError(t, err)
	e, err := chooseEndpoint(connect, h, at)
	require.NoError(t, err)
	return e
}

// reachable is a computer of which only the way to its sockets is asked.
type reachable struct {
	fakeSite
	dial func(address string) (net.Conn, error)
}

func (r reachable) Dial(_ context.Context, _, address string) (net.Conn, error) {
	return r.dial(address)
}

const farURI = "qemu+ssh://me@host/system"

func TestFarDaemonErrors(t *testing.T) {
	silent := daemon(t, func(conn net.Conn) { conn.Close() }).endpoint.sockets[1]
	for name, test := range map[string]struct {
		dial    func(address string) (net.Conn, error)
		systemd bool
		says    []string
	}{
		"no daemon": {func(address string) (net.Conn, error) {
			return nil, &fs.PathError{Op: "connect to", Path: "me@host:" + address, Err: fs.ErrNotExist}
		}, true, []string{"connect to " + farURI, "me@host:/run/libvirt/virtqemud-sock: file does not exist", "start it on me@host: sudo systemctl start virtqemud.socket"}},
		"not in the group": {func(address string) (net.Conn, error) {
			if strings.Contains(address, "virtqemud") {
				return nil, fs.ErrNotExist
			}
			return nil, &fs.PathError{Op: "connect to", Path: "me@host:" + address, Err: fs.ErrPermission}
		}, true, []string{"me@host:/run/libvirt/libvirt-sock: permission denied", "on me@host: sudo usermod -aG libvirt me", "/session"}},
		"no way there": {func(string) (net.Conn, error) {
			return nil, errors.New("reach hypervisor me@host: Connection refused; nothing answers there")
		}, true, []string{"connect to " + farURI + ": reach hypervisor me@host", "nothing answers there"}},
		"nobody behind the socket": {func(string) (net.Conn, error) {
			return net.Dial("unix", silent)
		}, false, []string{"open " + farURI, "on me@host", "sudo virtlogd -d && sudo libvirtd -d"}},
	} {
		t.Run(name, func(t *testing.T) {
			at := reachable{fakeSite{name: "me@host", about: site.About{UID: 1000, User: "me", Systemd: test.systemd}}, test.dial}
			d := &dialer{endpoint: farEndpoint(t, farURI, at)}
			err := d.probe(t.Context())
			for _, text := range test.says {
				require.ErrorContains(t, err, text)
			}
			require.NotContains(t, err.Error(), "start it: ", "a remedy says where")
		})
	}
}

// A way that was cut is the reason for whatever failed, and said once.
func TestCut(t *testing.T) {
	whole := farEndpoint(t, farURI, fakeSite{name: "me@host"})
	require.Equal(t, io.EOF, whole.cut(io.EOF))
	broken := farEndpoint(t, farURI, fakeSite{name: "me@host", lost: errors.New("Broken pipe")})
	require.NoError(t, broken.cut(nil))
	err := broken.cut(syscall.ECONNRESET)
	require.EqualError(t, err, "the connection to the hypervisor was cut: me@host: Broken pipe (connection reset by peer); what runs there goes on, and testbed down removes it when it can be reached")
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Equal(t, err, broken.cut(err))
}

// A user's number of this computer is another person's on another one.
func TestNamesFarAway(t *testing.T) {
	mine := fmt.Sprintf("uid-%d", os.Geteuid())
	far := newNamer(mine, farEndpoint(t, farURI, fakeSite{name: "me@host"}))
	require.Regexp(t, `^`+mine+`-[0-9a-f]{8}$`, far.owner)
	require.Equal(t, "testbed-"+far.owner+"-lab-vm", far.thing("lab", "vm"))
	id, ours := far.poolLab(far.pool(labID))
	require.True(t, ours)
	require.Equal(t, labID, id)
	require.Equal(t, "team", newNamer("team", farEndpoint(t, farURI, fakeSite{name: "me@host"})).owner)
	other := newNamer(mine, farEndpoint(t, "qemu+ssh://me@other/system", fakeSite{name: "me@other"}))
	require.NotEqual(t, far.scope, other.scope, "each hypervisor's state is its own")
}

func TestRemember(t *testing.T) {
	folder := t.TempDir()
	at := newStateStore(folder, newNamer("team", farEndpoint(t, farURI, fakeSite{name: "me@host"})))
	for _, name := range []string{"one", "two"} {
		require.NoError(t, at.save(keptState{ID: labID, Lab: name, Key: "key", Connect: farURI}))
	}
	require.NoError(t, os.WriteFile(at.file("two")+".old", []byte("{"), 0o600))
	require.NoError(t, os.MkdirAll(at.lab("broken"), 0o700))
	require.NoError(t, os.WriteFile(at.file("broken"), []byte("{"), 0o600))
	here := newStateStore(folder, newNamer("team", newEndpoint(systemURI, "/run/libvirt")))
	require.NoError(t, here.save(keptState{ID: labID, Lab: "here", Key: "key"}))

	known, err := Remember(folder, "team")
	require.NoError(t, err)
	require.Equal(t, []Remembered{{Connect: farURI, Labs: []string{"one", "two"}, Folder: at.folder}}, known)
	known, err = Remember(folder, "others")
	require.NoError(t, err)
	require.Empty(t, known)
}

func TestBridges(t *testing.T) {
	w := wanted(systemURI, "kvm", request("lab", "client"))
	w.Networks[0].Bridge = "br0"
	b := &Backend{dialer: &dialer{endpoint: farEndpoint(t, farURI, fakeSite{name: "me@host"})}}
	err := b.bridges(t.Context(), w)
	require.ErrorContains(t, err, `plan network "lan": there is no bridge "br0" on me@host; make it as root there (ip link add br0 type bridge && ip link set br0 up)`)
	w.sockets = "/run/user/1000/testbed"
	require.ErrorContains(t, b.bridges(t.Context(), w), "a session may use no bridge")
	w.Networks[0].Bridge = ""
	require.NoError(t, b.bridges(t.Context(), w))
}
