package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/internal/payload"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/fleet"
	"github.com/testbed-lab/testbed/provision/icount"
	"github.com/testbed-lab/testbed/provision/libvirt"
	"github.com/testbed-lab/testbed/provision/local"
	"github.com/testbed-lab/testbed/provision/ssh"
	"github.com/testbed-lab/testbed/testbed"
)

// place is where a lab's machines are.
type place struct {
	backend string // As the lab's attribute says it; empty: wherever they run.
	// Of libvirt's, as URIs; empty for the one that this user can use.
	connects []string
}

func placeOf(lab *run.Lab) place { return place{lab.Backend, hypervisors(lab.Lab)} }

// hypervisors are those that the lab's machines run on, in its order; none where no
// block names one.
func hypervisors(lab testbed.Lab) (connects []string) {
	for _, cell := range lab.Cells {
		for _, m := range cell.Machines {
			if connect := cmp.Or(m.Connect, lab.Connect); !slices.Contains(connects, connect) {
				connects = append(connects, connect)
			}
		}
	}
	if lab.Backend == "icount" || len(connects) == 0 {
		connects = []string{lab.Connect}
	}
	if slices.Equal(connects, []string{""}) {
		return nil
	}
	return connects
}

// backends are what --backend takes.
var backends = []string{"libvirt", "local", "icount"}

func knownBackend(name string) error {
	if name == "" || slices.Contains(backends, name) {
		return nil
	}
	return usageError{fmt.Errorf("no backend %q", name), "--backend takes one of: " + strings.Join(backends, ", ")}
}

// backendFlag is the flag by which a lab gets the backend that it had: none for machines
// that exist, of which only the file can say so.
func backendFlag(of string) string {
	if slices.Contains(backends, of) {
		return of
	}
	return ""
}

// backend opens what a place names; --connect wins over the lab's own connect.
func (a *app) backend(ctx context.Context, notes progress.Sink, at place) (provision.Backend, error) {
	switch at.backend {
	case "libvirt":
		return a.hypervisors(ctx, notes, at)
	case "icount":
		hypervisor, err := a.hypervisor(ctx, notes, at.first(), true)
		if err != nil {
			return nil, err
		}
		plugin, err := payload.Plugin()
		if err != nil {
			return nil, errors.Join(err, hypervisor.Close())
		}
		return icount.Open(hypervisor, plugin, notes)
	case "local":
		return local.Open(local.Options{Progress: notes})
	case "ssh":
		agent, err := payload.Agent()
		if err != nil {
			return nil, err
		}
		return ssh.Open(ssh.Options{Command: sshCommand(), Agent: agent})
	}
	return nil, fmt.Errorf("backend %q is not built yet", at.backend)
}

// first is the one of a lab that has one alone.
func (p place) first() string {
	if len(p.connects) == 0 {
		return ""
	}
	return p.connects[0]
}

// hypervisors opens all libvirts of a place; --connect stands for all of them.
func (a *app) hypervisors(ctx context.Context, notes progress.Sink, at place) (provision.Backend, error) {
	if a.connect != "" || len(at.connects) < 2 {
		return a.hypervisor(ctx, notes, at.first(), false)
	}
	var members []fleet.Member
	for _, connect := range at.connects {
		b, err := a.hypervisor(ctx, notes, connect, false)
		if err != nil {
			return nil, errors.Join(err, fleet.New(members, nil).Close())
		}
		members = append(members, fleet.Member{Connect: connect, Backend: b})
	}
	return fleet.New(members, libvirt.Cross), nil
}

// hypervisor opens a libvirt, here or on another computer.
func (a *app) hypervisor(ctx context.Context, notes progress.Sink, connect string, emulated bool) (*libvirt.Backend, error) {
	if err := a.checkConnect(); err != nil {
		return nil, err
	}
	return libvirt.Open(ctx, libvirt.Options{
		Connect: cmp.Or(a.connect, connect), SSH: sshCommand(), Owner: provision.Owner(), Emulated: emulated, Progress: notes,
	})
}

// nodeOf is what the computers are called that a place's machines run on. Machines that
// exist run on none that anybody chose.
func (a *app) nodeOf(at place) string {
	if at.backend == "ssh" {
		return ""
	}
	connects := at.connects
	if a.connect != "" || len(connects) == 0 {
		connects = []string{a.connect}
	}
	var names []string
	for _, connect := range connects {
		name := nodeName()
		if h, err := testbed.ParseConnect(connect); err == nil && h.SSH != "" {
			name = hostOf(h.SSH)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// hostOf is the name in what ssh connects to: [USER@]HOST[:PORT].
func hostOf(target string) string {
	host := target[strings.Index(target, "@")+1:]
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	return strings.Trim(host, "[]")
}

// checkConnect says whether --connect is a URI.
func (a *app) checkConnect() error {
	if a.connect == "" {
		return nil
	}
	if _, err := testbed.ParseConnect(a.connect); err != nil {
		return usageError{fmt.Errorf("--connect %q: no libvirt that testbed can use", a.connect), err.Error()}
	}
	return nil
}

// far says whether a libvirt is on another computer.
func far(connect string) bool {
	h, err := testbed.ParseConnect(connect)
	return err == nil && h.SSH != ""
}

// sshCommand stands for ssh; empty for ssh itself.
func sshCommand() string { return os.Getenv("TESTBED_SSH") }
