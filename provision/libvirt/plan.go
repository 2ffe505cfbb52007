package libvirt

import (
	"context"
	"fmt"
	"slices"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// Stages of an up. Steps of one stage touch different things.
const (
	stageRemove = iota // Machines that the lab has no more.
	stagePool
	stageNetwork
	stageUpload
	stageBoot
	stageCheck
)

// job is what the steps of one plan share.
type job struct {
	b    *Backend
	want wantedLab
	kept keptState // Of the lab, to be written before anything is made.
	seen seen

	files fileSet // What the upload step leaves for the boot step.
}

// Plan takes the lab's lock: what is true when it is planned is true when it is
// done. The lock is given back when the last step is done, or by Close.
func (b *Backend) Plan(ctx context.Context, want provision.Request) ([]provision.Step, error) {
	if want.Owner != "" && want.Owner != b.options.Owner {
		return nil, fmt.Errorf("plan lab %q: it is asked for owner %q on a connection for %q", want.Lab, want.Owner, b.options.Owner)
	}
	want.Owner = b.names.owner
	if err := b.hold(ctx, want.Lab); err != nil {
		return nil, err
	}
	steps, err := b.plan(ctx, want)
	if err != nil || !provision.Acts(steps) {
		b.letGo(want.Lab)
	}
	return steps, err
}

func (b *Backend) plan(ctx context.Context, want provision.Request) ([]provision.Step, error) {
	j, err := b.newJob(ctx, want)
	if err != nil {
		return nil, err
	}
	if err := b.clashes(ctx, j); err != nil {
		return nil, err
	}
	if err := b.bridges(ctx, j.want); err != nil {
		return nil, err
	}
	steps, err := j.steps()
	if err != nil {
		return nil, err
	}
	return provision.Finally(steps, func(ctx context.Context) error { return b.finish(ctx, want) }), nil
}

func (b *Backend) newJob(ctx context.Context, want provision.Request) (*job, error) {
	kept, err := b.state.load(want.Lab)
	if err != nil {
		return nil, err
	}
	all, err := b.observe(ctx)
	if err != nil {
		return nil, err
	}
	there := all.of(want.Lab, kept.ID)
	if id := there.id(); id != "" {
		kept.ID = id
	}
	if b.dialer.endpoint.far() {
		kept.Connect = b.Connect()
	}
	if kept.ID == "" {
		kept.ID = want.ID
	}
	if kept, err = kept.complete(want.Lab); err != nil {
		return nil, err
	}
	signer, err := kept.signer()
	if err != nil {
		return nil, err
	}
	j := &job{b: b, kept: kept, seen: there, want: wantedLab{
		Request: want, id: kept.ID, names: b.names, host: b.host,
		authorized: authorizedLine(signer.PublicKey()),
	}}
	if !b.dialer.endpoint.system() {
		j.want.sockets = b.socketFolder(kept.ID)
	}
	if source := there.source(); source != "" && source != want.Source {
		return nil, fmt.Errorf("bring up lab %q of %s: a lab of that name runs from %s; take that down first (testbed down %[1]s), or give this one another name",
			want.Lab, want.Source, source)
	}
	return j, j.want.check()
}

// steps compares what is wanted with what is there.
func (j *job) steps() ([]provision.Step, error) {
	steps := j.removals()
	steps = append(steps, j.poolStep())
	steps = append(steps, j.networkSteps()...)
	machines, err := j.machineSteps()
	if err != nil {
		return nil, err
	}
	steps = append(steps, machines...)
	if j.membersChanged() {
		steps = append(steps, j.hostsSteps()...)
	}
	return append(steps, j.checkSteps()...), nil
}

// removals are of machines and networks that the lab has no more.
func (j *job) removals() []provision.Step {
	var steps []provision.Step
	for _, d := range j.seen.domains {
		if !j.want.has(d.Thing) {
			steps = append(steps, j.b.removeMachineStep(stageRemove, d, "the lab has no such machine"))
		}
	}
	for _, n := range j.seen.networks {
		if !slices.ContainsFunc(j.want.made(), func(m testbed.Network) bool { return m.Name == n.Thing }) {
			steps = append(steps, j.b.removeNetworkStep(stagePool, n, "the lab has no such network"))
		}
	}
	return steps
}

func (w wantedLab) has(machine string) bool {
	for _, m := range w.Machines {
		if m.Name == machine {
			return true
		}
	}
	return false
}

// poolStep makes what everything else needs. The folder of the files stays for
// as long as the lab does.
func (j *job) poolStep() provision.Step {
	step := provision.Step{Stage: stagePool, Name: "prepare storage", Action: provision.Create,
		Do: func(ctx context.Context) error {
			if err := j.b.state.save(j.kept); err != nil {
				return err
			}
			return j.b.makePool(ctx, j.kept.ID)
		}}
	stored, err := j.b.state.load(j.kept.Lab)
	pools := j.seen.pools
	if len(pools) == 1 && pools[0].active && len(j.seen.domains) > 0 && err == nil && stored == j.kept {
		step.Action, step.Do = provision.Keep, nil
	}
	return step
}

func (j *job) networkSteps() (steps []provision.Step) {
	for _, n := range j.want.made() {
		step := provision.Step{Stage: stageNetwork, Name: "network " + n.Name, Action: provision.Create,
			Do: func(ctx context.Context) error { return j.makeNetwork(ctx, n) }}
		if old, ok := j.seen.network(n.Name); ok {
			step.Action, step.Why = provision.Replace, "it changed"
			if old.Digest == j.want.networkDigest(n) && old.active {
				step.Action, step.Why, step.Do = provision.Keep, "", nil
			}
		}
		steps = append(steps, step)
	}
	return steps
}

// membersChanged says whether machines came or went, here or elsewhere.
func (j *job) membersChanged() bool {
	if j.want.ElsewhereChanged {
		return true
	}
	for _, m := range j.want.Machines {
		if _, there := j.seen.domain(m.Name); !there {
			return true
		}
	}
	return len(j.seen.domains) != len(j.want.Machines)
}

// machineSteps uploads what all new machines boot, then boots them at once.
func (j *job) machineSteps() (steps []provision.Step, err error) {
	for _, m := range j.want.Machines {
		digest, err := j.want.machineDigest(m)
		if err != nil {
			return nil, err
		}
		action, why := j.compare(m, digest)
		boot := provision.Step{Stage: stageBoot, Name: "boot " + m.Name, Action: action, Why: why}
		if action != provision.Keep {
			boot.Do = func(ctx context.Context) error { return j.boot(ctx, m, digest) }
			steps = append(steps, provision.Step{Stage: stageUpload, Name: "upload " + m.Name,
				Action: action, Why: why, Do: func(ctx context.Context) error { return j.upload(ctx, m) }})
		}
		steps = append(steps, boot)
	}
	return steps, nil
}

func (j *job) compare(m provision.MachineRequest, digest string) (provision.Action, string) {
	old, ok := j.seen.domain(m.Name)
	switch {
	case !ok:
		return provision.Create, ""
	case !old.running():
		return provision.Replace, "it is " + stateName(old.state)
	case old.Digest != digest:
		return provision.Replace, j.difference(m, old)
	case !old.ready:
		return provision.Replace, "it never answered"
	case j.networkReplaced(m):
		return provision.Replace, "its network is made anew"
	}
	return provision.Keep, ""
}

// difference names what changed, as far as the machine's mark tells.
func (j *job) difference(m provision.MachineRequest, old seenDomain) string {
	if old.Image != m.ImageDigest {
		return "its image changed"
	}
	return "its definition changed"
}

func (j *job) networkReplaced(m provision.MachineRequest) bool {
	if !j.want.backendNetworks() {
		return false
	}
	for _, nic := range m.NICs {
		network, err := j.want.network(nic.Network)
		if err == nil && network.Bridge != "" {
			continue
		}
		old, ok := j.seen.network(nic.Network)
		if err != nil || !ok || !old.active || old.Digest != j.want.networkDigest(network) {
			return true
		}
	}
	return false
}

// clashes finds things in the way that carry another mark, or none.
func (b *Backend) clashes(ctx context.Context, j *job) error {
	for _, m := range j.want.Machines {
		if _, ours := j.seen.domain(m.Name); ours {
			continue
		}
		name := b.names.thing(j.want.Lab, m.Name)
		if there, err := b.domainExists(ctx, name); err != nil || there {
			if err != nil {
				return err
			}
			return fmt.Errorf("plan machine %q: libvirt has a domain %q that is not this owner's (%s): remove it (virsh -c %s undefine %[2]s) or give the lab another name",
				m.Name, name, b.names.owner, b.Connect())
		}
	}
	return nil
}
