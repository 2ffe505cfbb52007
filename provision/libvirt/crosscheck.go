package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// crossTimeout bounds the wait for the first frame between two machines that
// answer SSH. It takes milliseconds with KVM, a second on a busy machine without.
const crossTimeout = 10 * time.Second

// checkSteps see to it that a frame crosses each network both ways before
// anything is measured. They run at every up: a firewall may have come since.
func (j *job) checkSteps() []provision.Step {
	var steps []provision.Step
	for _, n := range j.want.Networks {
		if len(j.want.members(n.Name)) < 2 {
			continue
		}
		steps = append(steps, provision.Step{Stage: stageCheck, Name: "check network " + n.Name,
			Action: provision.Check, Do: func(ctx context.Context) error { return j.cross(ctx, n) }})
	}
	return steps
}

func (j *job) cross(ctx context.Context, n testbed.Network) error {
	members := j.want.members(n.Name)
	for i := 1; i < len(members); i++ {
		for _, pair := range [][2]provision.MachineRequest{{members[i-1], members[i]}, {members[i], members[i-1]}} {
			if err := j.crossOnce(ctx, n, pair[0], pair[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *job) crossOnce(ctx context.Context, n testbed.Network, from, to provision.MachineRequest) error {
	m, err := j.b.Machine(ctx, j.want.Lab, from.Name)
	if err != nil {
		return err
	}
	defer m.Close()
	err = Cross(ctx, m, n, from, to)
	var none *crossError
	if errors.As(err, &none) {
		none.cause = j.b.suspect(ctx, j.want.bridge(n))
	}
	return err
}

// Cross sends from one machine, m, to another and back, in the guests: the host has
// no address on the segment and never sends there.
func Cross(ctx context.Context, m provision.Machine, n testbed.Network, from, to provision.MachineRequest) error {
	here, _ := from.NIC(n.Name)
	there, _ := to.NIC(n.Name)
	limit, cancel := context.WithTimeout(ctx, crossTimeout)
	defer cancel()
	address := there.Address.Addr().String()
	for limit.Err() == nil {
		if ping(limit, m, address) == nil {
			return nil
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("check network %q: %w", n.Name, ctx.Err())
	}
	return &crossError{network: n.Name, from: from.Name, to: to.Name, address: address,
		resolved: resolved(ctx, m, here.Device, address)}
}

// ping waits a second for the answer. An error other than its exit status means
// that it did not run, which trying again at once would only repeat.
func ping(ctx context.Context, m provision.Machine, address string) error {
	err := m.Exec(ctx, provision.Command{Args: []string{"ping", "-c", "1", "-W", "1", address}})
	var exit *provision.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Status > 1) {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return err
}

// resolved says whether ARP got through where IP did not: then the frames
// cross, and a filter of IP eats the rest.
func resolved(ctx context.Context, m provision.Machine, device, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var out bytes.Buffer
	err := m.Exec(ctx, provision.Command{Args: []string{"ip", "neigh", "show", address, "dev", device}, Stdout: &out})
	return err == nil && strings.Contains(out.String(), "lladdr")
}

// crossError says that two machines on one network do not reach each other.
type crossError struct {
	network, from, to, address string
	resolved                   bool
	cause                      string
}

func (e *crossError) Error() string {
	text := fmt.Sprintf("check network %q: no answer from %q (%s) to %q in %s", e.network, e.to, e.address, e.from, crossTimeout)
	if e.resolved {
		text += "; ARP crosses and IP does not, so a filter on the host eats it"
	} else {
		text += "; not even ARP crosses"
	}
	if e.cause != "" {
		return text + ": " + e.cause
	}
	return text + "; nothing on the host that is known to eat frames was found; look at the bridge with tcpdump while testbed exec VM -- ping runs"
}

// hostsSteps tell machines that stay the names of those that came and went.
func (j *job) hostsSteps() []provision.Step {
	var steps []provision.Step
	for _, m := range j.want.Machines {
		digest, err := j.want.machineDigest(m)
		if err != nil {
			continue // machineSteps has said so.
		}
		if action, _ := j.compare(m, digest); action != provision.Keep {
			continue
		}
		steps = append(steps, provision.Step{Stage: stageCheck, Name: "tell " + m.Name + " its neighbours' names",
			Action: provision.Replace, Why: "other machines changed",
			Do: func(ctx context.Context) error { return j.pushHosts(ctx, m.Name) }})
	}
	return steps
}

func (j *job) pushHosts(ctx context.Context, name string) error {
	m, err := j.b.machine(ctx, j.want.Lab, name)
	if err != nil {
		return err
	}
	defer m.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return m.push(ctx, "/etc/hosts", hostsFile(j.want.hosts()), 0o644)
}

func hostsFile(hosts map[string]string) []byte {
	names := make([]string, 0, len(hosts))
	for name := range hosts {
		names = append(names, name)
	}
	sort.Strings(names)
	var text bytes.Buffer
	text.WriteString("127.0.0.1 localhost\n::1 localhost ip6-localhost\n")
	for _, name := range names {
		fmt.Fprintf(&text, "%s %s\n", hosts[name], name)
	}
	return text.Bytes()
}
