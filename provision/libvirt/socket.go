package libvirt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/testbed-lab/testbed/provision/libvirt/site"
	"github.com/testbed-lab/testbed/testbed"
)

// The connections that this backend offers.
const (
	systemURI  = "qemu:///system"
	sessionURI = "qemu:///session"
)

// endpoint is a libvirt daemon: where it listens and what to ask it for.
type endpoint struct {
	uri     string // What it is asked for.
	name    string // The URI that names it from here.
	site    site.Site
	folder  string   // Of its sockets.
	sockets []string // Candidates, best first.
}

func (e endpoint) system() bool { return e.uri == systemURI }

// far says whether it is on another computer.
func (e endpoint) far() bool { return e.site.Name() != "" }

// there goes behind a remedy that is to be carried out on another computer.
func (e endpoint) there() string {
	if !e.far() {
		return ""
	}
	return " on " + e.site.Name()
}

// address is where it listens.
func (e endpoint) address() string {
	if e.far() {
		return e.site.Name() + ":" + e.folder
	}
	return e.folder
}

// farScope begins the scope of a connection to another computer.
const farScope = "ssh-"

// scope names the connection in paths of ours.
func (e endpoint) scope() string {
	switch {
	case e.far():
		return farScope + digestOf(e.name)[:12]
	case e.system():
		return "system"
	}
	return "session"
}

// chooseEndpoint picks the sockets itself: go-libvirt's dialer always takes the
// system's, and the system daemon answers a request for qemu:///session too.
func chooseEndpoint(connect string, h testbed.Hypervisor, at site.Site) (endpoint, error) {
	uid := at.About().UID
	e := newEndpoint(systemURI, "/run/libvirt")
	if !h.System {
		if uid == 0 {
			return e, fmt.Errorf("connect to %s: a daemon that root starts is the system's; use /system, or be another user", connect)
		}
		folder, err := runtimeFolder(at.Getenv)
		if err != nil {
			return e, fmt.Errorf("connect to %s: %w", connect, err)
		}
		e = newEndpoint(sessionURI, filepath.Join(folder, "libvirt"))
	}
	if h.Socket != "" {
		e.sockets = []string{h.Socket}
	}
	e.name, e.site = connect, at
	return e, nil
}

// standard is the connection of who names none.
func standard(euid int) string {
	if euid == 0 {
		return systemURI
	}
	return sessionURI
}

func newEndpoint(uri, folder string) endpoint {
	return endpoint{uri: uri, name: uri, site: site.Here(), folder: folder, sockets: []string{
		filepath.Join(folder, "virtqemud-sock"), // Modular daemons, the newer kind.
		filepath.Join(folder, "libvirt-sock"),
	}}
}

// runtimeFolder is where a session daemon listens: it goes by XDG_RUNTIME_DIR
// and, without one, by the user's cache folder, as GLib does.
func runtimeFolder(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir, nil
	}
	if dir := getenv("XDG_CACHE_HOME"); dir != "" {
		return dir, nil
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".cache"), nil
	}
	return "", errors.New("neither XDG_RUNTIME_DIR nor HOME is set")
}

// stateFolder is $XDG_STATE_HOME/testbed.
func stateFolder() (string, error) { return xdg(os.Getenv, "XDG_STATE_HOME", ".local/state") }

// dataFolder is $XDG_DATA_HOME/testbed.
func dataFolder(getenv func(string) string) (string, error) {
	return xdg(getenv, "XDG_DATA_HOME", ".local/share")
}

func xdg(getenv func(string) string, variable, fallback string) (string, error) {
	if dir := getenv(variable); strings.HasPrefix(dir, "/") {
		return filepath.Join(dir, "testbed"), nil
	}
	home := getenv("HOME")
	if home == "" {
		return "", fmt.Errorf("find the folder %s: HOME is not set", variable)
	}
	return filepath.Join(home, fallback, "testbed"), nil
}
