package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/hold"
	"github.com/testbed-lab/testbed/testbed"
)

// Stages of an up. Steps of one stage touch different things.
const (
	stageRemove = iota // What the lab has no more.
	stagePrepare
	stageMake
	stageWire
	stageStart
	stageCheck
)

// job is what the steps of one plan share.
type job struct {
	b    *Backend
	want provision.Request
	seen seenLab
	lab  labFolder
	cpus map[string][]int // By machine.
}

// Plan takes the lab's lock: what is true when it is planned is true when it is
// done. The lock is given back when the last step is done, or by Close.
func (b *Backend) Plan(ctx context.Context, want provision.Request) ([]provision.Step, error) {
	if want.Owner != "" && want.Owner != b.owner {
		return nil, fmt.Errorf("plan lab %q: it is asked for owner %q on a backend for %q", want.Lab, want.Owner, b.owner)
	}
	want.Owner = b.owner
	if err := check(want); err != nil {
		return nil, fmt.Errorf("plan lab %q: %w", want.Lab, err)
	}
	if b.barred != nil { // It can only be looked at.
		return b.plan(want)
	}
	if err := b.hold(ctx, want.Lab); err != nil {
		return nil, err
	}
	steps, err := b.plan(want)
	if err != nil || !provision.Acts(steps) {
		b.letGo(want.Lab)
	}
	return steps, err
}

func (b *Backend) plan(want provision.Request) ([]provision.Step, error) {
	seen, err := b.folder.observe(want.Lab)
	if err != nil {
		return nil, err
	}
	j := &job{b: b, want: want, seen: seen, lab: seen.folder}
	if seen.alive() {
		if err := j.mayChange(); err != nil {
			return nil, err
		}
	} else { // What a dead process left is made anew, from the ground up.
		j.seen.mark, j.seen.machines, j.seen.networks = labMark{}, nil, nil
	}
	cpus, err := ownCPUs()
	if err != nil {
		return nil, err
	}
	dealt, shared := deal(want.Machines, cpus)
	j.cpus = dealt
	b.describe(want, dealt, shared)
	steps := j.steps()
	if b.barred == nil && slices.ContainsFunc(steps, func(s provision.Step) bool { return s.Action == provision.Create }) {
		b.sayWhatIsDifferent(len(cpus), shared)
	}
	return provision.Finally(steps, func(ctx context.Context) error { return j.finish(ctx) }), nil
}

// mayChange refuses a lab that is another file's, or at work in another process.
func (j *job) mayChange() error {
	if source := j.seen.mark.Source; source != j.want.Source {
		return fmt.Errorf("bring up lab %q of %s: a lab of that name runs from %s; take that down first (testbed down %[1]s), or give this one another name",
			j.want.Lab, j.want.Source, source)
	}
	maker := hold.ParseProcess(j.seen.mark.Maker)
	if !j.seen.mark.Kept && maker != hold.This() {
		return fmt.Errorf("bring up lab %q: process %d runs it and takes it down at its end; wait for it, or end it", j.want.Lab, maker.PID)
	}
	return nil
}

func (j *job) steps() []provision.Step {
	steps := append(j.removals(), j.prepareStep())
	renewed := map[string]bool{} // Machines that are made anew.
	for _, m := range j.want.Machines {
		step := j.makeStep(m)
		renewed[m.Name] = step.Do != nil
		steps = append(steps, step)
	}
	rewired := map[string]bool{}
	for _, n := range j.want.Networks {
		if len(j.members(n.Name)) == 0 {
			continue
		}
		step := j.wireStep(n, renewed)
		rewired[n.Name] = step.Do != nil
		steps = append(steps, step)
	}
	for _, m := range j.want.Machines {
		if step, is := j.startStep(m, renewed[m.Name], rewired); is {
			steps = append(steps, step)
		}
	}
	if len(rewired) == 0 {
		return steps
	}
	return append(steps, provision.Step{Stage: stageCheck, Name: "check wires", Action: provision.Check, Do: j.awaitCarriers})
}

func (j *job) removals() (steps []provision.Step) {
	wanted := func(name string) bool {
		return slices.ContainsFunc(j.want.Machines, func(m provision.MachineRequest) bool { return m.Name == name })
	}
	for name := range j.seen.machines {
		if !wanted(name) {
			steps = append(steps, removeMachineStep(j.lab, stageRemove, name, "the lab has no such machine"))
		}
	}
	for name := range j.seen.networks {
		if len(j.members(name)) == 0 {
			steps = append(steps, removeNetworkStep(j.lab, stageRemove, name, "the lab has no such network"))
		}
	}
	return steps
}

func (j *job) prepareStep() provision.Step {
	step := provision.Step{Stage: stagePrepare, Name: "prepare " + j.want.Lab, Action: provision.Create, Do: j.prepare}
	if j.seen.mark.ID != "" {
		step.Action, step.Do = provision.Keep, nil
	}
	return step
}

// prepare makes the lab's folder, after whatever is left of an earlier one.
func (j *job) prepare(context.Context) error {
	if j.b.barred != nil {
		return j.b.barred
	}
	if err := takeAway(j.lab); err != nil {
		return err
	}
	err := j.lab.create()
	if err == nil {
		err = j.lab.write(labMarkFile, labMark{
			ID: uuid.NewString(), Name: j.want.Lab, Owner: j.want.Owner, Source: j.want.Source, Maker: hold.This().String(),
		})
	}
	if err != nil {
		_ = j.lab.remove() // The first failure says more.
	}
	return err
}

func (j *job) makeStep(m provision.MachineRequest) provision.Step {
	step := provision.Step{Stage: stageMake, Name: "make " + m.Name, Action: provision.Replace,
		Do: func(context.Context) error { return j.makeMachine(m) }}
	old, there := j.seen.machines[m.Name]
	switch {
	case !there:
		step.Action = provision.Create
	case !old.whole || !old.Ready:
		step.Why = "it is " + old.state()
	case old.Digest != machineDigest(m.Machine):
		step.Why = "its definition changed"
	default:
		step.Action, step.Do = provision.Keep, nil
	}
	return step
}

func (j *job) wireStep(n testbed.Network, renewed map[string]bool) provision.Step {
	step := provision.Step{Stage: stageWire, Name: "wire " + n.Name, Action: provision.Replace,
		Do: func(context.Context) error { return j.wire(n) }}
	old, there := j.seen.networks[n.Name]
	switch {
	case !there:
		step.Action = provision.Create
	case old.Digest != j.networkDigest(n):
		step.Why = "it changed"
	case slices.ContainsFunc(j.members(n.Name), func(e end) bool { return renewed[e.machine] }):
		step.Why = "a machine on it is made anew"
	default:
		step.Action, step.Do = provision.Keep, nil
	}
	return step
}

// startStep gives a machine's devices their addresses, where it or they are new.
func (j *job) startStep(m provision.MachineRequest, renewed bool, rewired map[string]bool) (provision.Step, bool) {
	new := renewed || slices.ContainsFunc(m.NICs, func(n testbed.NIC) bool { return rewired[n.Network] })
	step := provision.Step{Stage: stageStart, Name: "start " + m.Name, Action: provision.Create,
		Do: func(context.Context) error { return j.start(m) }}
	if !renewed {
		step.Action, step.Why = provision.Replace, "a network of it is wired anew"
	}
	return step, new
}

// finish is the end of an up.
func (j *job) finish(ctx context.Context) error {
	defer j.b.letGo(j.want.Lab)
	if j.want.Ephemeral {
		return nil
	}
	return j.b.Keep(ctx, j.want.Lab)
}

// machineDigest leaves out what means nothing here, so that a change of it
// changes no machine.
func machineDigest(m testbed.Machine) string {
	m.Image, m.Memory, m.Connect = "", 0, ""
	return digestOf(m)
}

func (j *job) networkDigest(n testbed.Network) string {
	return digestOf(struct {
		MTU     int
		Members []string
	}{n.MTU, memberNames(j.members(n.Name))})
}

func digestOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // Plain data of ours.
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// end is a machine's interface on a network.
type end struct {
	machine string
	nic     testbed.NIC
}

func (j *job) members(network string) (ends []end) {
	for _, m := range j.want.Machines {
		if nic, is := m.NIC(network); is {
			ends = append(ends, end{m.Name, nic})
		}
	}
	return ends
}

func memberNames(ends []end) (names []string) {
	for _, e := range ends {
		names = append(names, e.machine+" "+e.nic.Device+" "+e.nic.MAC)
	}
	return names
}
