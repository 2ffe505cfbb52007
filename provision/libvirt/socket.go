package libvirt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The connections that this backend offers.
const (
	systemURI  = "qemu:///system"
	sessionURI = "qemu:///session"
)

// endpoint is a libvirt daemon: where it listens and what to ask it for.
type endpoint struct {
	uri     string
	folder  string   // Of its sockets.
	sockets []string // Candidates, best first.
}

func (e endpoint) system() bool { return e.uri == systemURI }

// scope names the connection in paths of ours.
func (e endpoint) scope() string {
	if e.system() {
		return "system"
	}
	return "session"
}

// chooseEndpoint picks the sockets itself: go-libvirt's dialer always takes the
// system's, and the system daemon answers a request for qemu:///session too.
func chooseEndpoint(connect string, euid int, getenv func(string) string) (endpoint, error) {
	if connect == "" {
		connect = sessionURI
		if euid == 0 {
			connect = systemURI
		}
	}
	switch connect {
	case systemURI:
		return newEndpoint(connect, "/run/libvirt"), nil
	case sessionURI:
		if euid == 0 {
			return endpoint{}, fmt.Errorf("connect to %s: a daemon that root starts is the system's; use %s, or be another user", sessionURI, systemURI)
		}
		folder, err := runtimeFolder(getenv)
		if err != nil {
			return endpoint{}, err
		}
		return newEndpoint(connect, filepath.Join(folder, "libvirt")), nil
	}
	return endpoint{}, fmt.Errorf("connect to %q: want %s or %s; a remote hypervisor is not built yet",
		connect, systemURI, sessionURI)
}

func newEndpoint(uri, folder string) endpoint {
	return endpoint{uri: uri, folder: folder, sockets: []string{
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
	return "", fmt.Errorf("find the socket of %s: neither XDG_RUNTIME_DIR nor HOME is set", sessionURI)
}

// stateFolder is $XDG_STATE_HOME/testbed.
func stateFolder() (string, error) { return xdg("XDG_STATE_HOME", ".local/state") }

// dataFolder is $XDG_DATA_HOME/testbed.
func dataFolder() (string, error) { return xdg("XDG_DATA_HOME", ".local/share") }

func xdg(variable, fallback string) (string, error) {
	if dir := os.Getenv(variable); strings.HasPrefix(dir, "/") {
		return filepath.Join(dir, "testbed"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the folder %s: %w", variable, err)
	}
	return filepath.Join(home, fallback, "testbed"), nil
}
