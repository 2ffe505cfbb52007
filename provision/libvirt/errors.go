package libvirt

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	golibvirt "github.com/digitalocean/go-libvirt"
)

// hasCode says whether libvirt answered with one of these error numbers.
func hasCode(err error, codes ...golibvirt.ErrorNumber) bool {
	var e golibvirt.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code == uint32(code) {
			return true
		}
	}
	return false
}

// notFound is true of every kind of thing that we make; golibvirt.IsNotFound
// knows domains only.
func notFound(err error) bool {
	return hasCode(err, golibvirt.ErrNoDomain, golibvirt.ErrNoNetwork,
		golibvirt.ErrNoStoragePool, golibvirt.ErrNoStorageVol)
}

// alreadySo is true where the thing is in the state that was asked for: not
// running, or not active.
func alreadySo(err error) bool { return hasCode(err, golibvirt.ErrOperationInvalid) }

// gone forgets errors that say that a thing to remove is not there.
func gone(err error) error {
	if notFound(err) {
		return nil
	}
	return err
}

func connectionLost(err error) bool {
	return errors.Is(err, golibvirt.ErrInterrupted) || errors.Is(err, syscall.EINVAL) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

func notThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// unreachableError says that no daemon listens where one should.
type unreachableError struct {
	endpoint endpoint
	err      error
}

func (e *unreachableError) Error() string {
	if errors.Is(e.err, fs.ErrPermission) {
		return fmt.Sprintf("connect to %s: %v; join its group (sudo usermod -aG libvirt $USER, then log in again) or use --connect %s",
			e.endpoint.uri, e.err, sessionURI)
	}
	return fmt.Sprintf("connect to %s: %v; start it: %s", e.endpoint.uri, e.err, e.endpoint.start())
}

func (e *unreachableError) Unwrap() error { return e.err }

// start is the command that starts the daemon.
func (e endpoint) start() string {
	switch {
	case !e.system():
		return "virtqemud -d --timeout 120 (or libvirtd -d --timeout 120)"
	case serviceManager():
		return "sudo systemctl start virtqemud.socket virtnetworkd.socket virtstoraged.socket (or libvirtd.socket)"
	}
	return "sudo virtlogd -d && sudo libvirtd -d (scripts/setup installs and starts them)"
}

func (e endpoint) restart() string {
	if e.system() && serviceManager() {
		return "sudo systemctl restart virtqemud (or libvirtd)"
	}
	return "end it, then " + e.start()
}
