package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"

	"github.com/testbed-lab/testbed/provision"
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

// cut adds to an error that the way to the hypervisor is no more, which is why.
func (e endpoint) cut(err error) error {
	if err == nil || errors.Is(err, errCut) {
		return err
	}
	patience := time.Duration(0)
	if unexplained(err) {
		patience = time.Second // What goes over a connection ends before its ssh does.
	}
	lost := e.site.Lost(patience)
	if lost == nil {
		return err
	}
	return fmt.Errorf("%w: %s: %v (%w); what runs there goes on, and testbed down removes it when it can be reached",
		errCut, e.site.Name(), lost, err)
}

// unexplained is an error that is nobody's answer.
func unexplained(err error) bool {
	var exit *provision.ExitError
	var answer golibvirt.Error
	return !errors.As(err, &exit) && !errors.As(err, &answer) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// errCut is what a connection that was there comes to.
var errCut = errors.New("the connection to the hypervisor was cut")

func (b *Backend) cut(err error) error { return b.dialer.endpoint.cut(err) }

// unreachableError says that no daemon listens where one should.
type unreachableError struct {
	endpoint endpoint
	err      error
}

func (e *unreachableError) Error() string {
	switch at := e.endpoint; {
	case errors.Is(e.err, fs.ErrPermission) && at.far():
		return fmt.Sprintf("connect to %s: %v; have its user join the group (on %s: sudo usermod -aG libvirt %s) or use a session (/session)",
			at.name, e.err, at.site.Name(), at.site.About().User)
	case errors.Is(e.err, fs.ErrPermission):
		return fmt.Sprintf("connect to %s: %v; join its group (sudo usermod -aG libvirt $USER, then log in again) or use --connect %s",
			at.name, e.err, sessionURI)
	case at.far() && !notThere(e.err):
		return fmt.Sprintf("connect to %s: %v", at.name, e.err) // The way there, which has said its remedy.
	}
	return fmt.Sprintf("connect to %s: %v; start it%s: %s", e.endpoint.name, e.err, e.endpoint.there(), e.endpoint.start())
}

func (e *unreachableError) Unwrap() error { return e.err }

// start is the command that starts the daemon.
func (e endpoint) start() string {
	switch {
	case !e.system():
		return "virtqemud -d --timeout 120 (or libvirtd -d --timeout 120)"
	case e.site.About().Systemd:
		return "sudo systemctl start virtqemud.socket virtnetworkd.socket virtstoraged.socket (or libvirtd.socket)"
	}
	return "sudo virtlogd -d && sudo libvirtd -d (scripts/setup installs and starts them)"
}

func (e endpoint) restart() string {
	if e.system() && e.site.About().Systemd {
		return "sudo systemctl restart virtqemud (or libvirtd)"
	}
	return "end it, then " + e.start()
}
