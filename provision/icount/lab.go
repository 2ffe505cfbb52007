package icount

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/provision"
)

// guestName is the machine that all of a lab's share.
const guestName = "guest"

// lab is one that was planned: where the two agents of a test meet.
type lab struct {
	backend *Backend
	want    provision.Request

	mu      sync.Mutex
	agent   []byte
	console []byte // Of the last guest.
	// commands are its command line, as the hypervisor has it: it is gone with the test.
	commands any
	waiting  *test // Whose other agent is to come; nil between tests.
}

func newLab(b *Backend, want provision.Request) *lab { return &lab{backend: b, want: want} }

// test is two segments that belong together, and what came of them.
type test struct {
	first proto.Segment
	done  chan struct{}
	said  map[proto.Role][]proto.Message
	err   error
}

// perform returns what an agent said in the guest. The second of the two that call
// has the guest run.
func (l *lab) perform(ctx context.Context, segment proto.Segment) ([]proto.Message, error) {
	l.mu.Lock()
	t := l.waiting
	if t == nil {
		t = &test{first: segment, done: make(chan struct{})}
		l.waiting = t
		l.mu.Unlock()
		return t.await(ctx, l, segment.Role)
	}
	l.waiting = nil
	l.mu.Unlock()
	t.said, t.err = l.run(ctx, t.first, segment)
	close(t.done)
	return t.said[segment.Role], t.err
}

func (t *test) await(ctx context.Context, l *lab, role proto.Role) ([]proto.Message, error) {
	select {
	case <-t.done:
		return t.said[role], t.err
	case <-ctx.Done():
	}
	l.mu.Lock()
	alone := l.waiting == t
	if alone {
		l.waiting = nil
	}
	l.mu.Unlock()
	if alone {
		return nil, errors.Join(errPeer, context.Cause(ctx))
	}
	<-t.done // The other one ends by the same context.
	return nil, context.Cause(ctx)
}

// run boots the guest, waits for its end and reads what the agents said.
func (l *lab) run(ctx context.Context, one, other proto.Segment) (said map[proto.Role][]proto.Message, err error) {
	kernel, err := l.backend.symbols.of(l.want.Machines[0].Kernel)
	if err != nil {
		return nil, err
	}
	request, err := l.request(one, other, kernel.wanted())
	if err != nil {
		return nil, err
	}
	h := l.backend.hypervisor
	defer func() { err = errors.Join(err, l.remove(ctx, request.Lab)) }()
	refused, err := l.boot(ctx, request)
	if err != nil {
		return nil, err
	}
	if err := l.keep(ctx, request.Lab); err != nil {
		return nil, err
	}
	output, err := h.Output(ctx, request.Lab, guestName)
	if err != nil {
		return nil, err
	}
	said, names, err := read(output)
	if err != nil {
		return said, err
	}
	if refused != "" {
		uncounted(said[proto.Client], refused)
	}
	if request.Machines[0].Sealed.Counter == nil {
		return said, nil
	}
	functions, err := kernel.complete(names.Symbols, names.ModuleSymbols)
	if err != nil {
		return said, err
	}
	counts, err := h.Counts(ctx, request.Lab, guestName)
	if err != nil {
		return said, err
	}
	if err := attribute(said[proto.Client], counts, functions); err != nil {
		l.backend.sink.Note(fmt.Sprintf("no instructions by function: %v", err))
		uncounted(said[proto.Client], err.Error())
	}
	return said, nil
}

// keep what is told of the guest as long as it is there.
func (l *lab) keep(ctx context.Context, name string) error {
	console, err := l.backend.hypervisor.ConsoleOf(ctx, name, guestName)
	if err != nil {
		return err
	}
	facts, err := l.backend.hypervisor.Facts(ctx, name)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.console, l.commands = console, facts[commandLines]
	return nil
}

// boot has the guest run to its end. A QEMU that takes no plugin counts all the same,
// but not by function, and less exactly where the guest sleeps; refused is why.
func (l *lab) boot(ctx context.Context, request provision.Request) (refused string, err error) {
	h := l.backend.hypervisor
	steps, err := h.Plan(ctx, request)
	if err != nil {
		return "", err
	}
	err = provision.Perform(ctx, steps)
	sealed := request.Machines[0].Sealed
	if err == nil || sealed.Plugin == nil || !strings.Contains(err.Error(), "plugin") {
		return "", err
	}
	refused = fmt.Sprintf("unsupported: this QEMU does not load the plugin that counts (%v)", err)
	l.backend.sink.Note(fmt.Sprintf("instructions by function are %s, and where a guest sleeps its clock may be off by a few", refused))
	counts := sealed.Counter != nil
	sealed.Plugin, sealed.Counter = nil, nil
	if steps, err = h.Plan(ctx, request); err != nil {
		return "", err
	}
	if !counts {
		refused = ""
	}
	return refused, provision.Perform(ctx, steps)
}

// remove takes the guest down, also after an interrupt.
func (l *lab) remove(ctx context.Context, name string) error {
	ctx = context.WithoutCancel(ctx)
	steps, err := l.backend.hypervisor.Down(ctx, name)
	if err != nil {
		return err
	}
	return provision.Perform(ctx, steps)
}

// request is the guest with the two agents in it.
func (l *lab) request(one, other proto.Segment, symbols string) (provision.Request, error) {
	if one.Role == proto.Server {
		one, other = other, one
	}
	counter, err := l.counter(one)
	if err != nil {
		return provision.Request{}, err
	}
	one.Wide, other.Wide = true, true
	plan := proto.Ensemble{Version: proto.Version, Client: one, Server: other}
	if counter != nil {
		plan.Symbols = symbols
	}
	for _, n := range l.want.Networks {
		plan.Wires = append(plan.Wires, proto.Wire{Name: n.Name, MTU: n.MTU})
	}
	for _, m := range l.want.Machines {
		member := proto.Member{Name: m.Name, Sysctl: m.Sysctl}
		for _, nic := range m.NICs {
			member.NICs = append(member.NICs, proto.MemberNIC{Device: nic.Device, MAC: nic.MAC, Address: nic.Address, Wire: nic.Network})
		}
		plan.Machines = append(plan.Machines, member)
	}
	input, err := json.Marshal(plan)
	if err != nil {
		return provision.Request{}, fmt.Errorf("encode the plan: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	guest := l.want.Machines[0]
	guest.Name, guest.NICs, guest.Sysctl, guest.Memory = guestName, nil, nil, memoryOf(l.want.Machines)
	guest.Sealed = &provision.Sealed{Seed: uuidOf(l.want.Seed, l.want.Boot), Program: l.agent, Input: input, Plugin: l.backend.plugin, Counter: counter}
	return provision.Request{
		Lab: l.want.Lab + suffix, Source: l.want.Source, Owner: l.want.Owner, Ephemeral: true,
		Machines: []provision.MachineRequest{guest},
	}, nil
}

// counter is for blocks that are measured: passes look by their own means. One boot
// of a lab is enough, for the others only differ in what is random.
func (l *lab) counter(one proto.Segment) (*provision.Counter, error) {
	looks := slices.ContainsFunc(one.Blocks, func(b proto.Block) bool { return b.Pass != "" })
	if l.backend.plugin == nil || looks || l.want.Boot > 0 {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return counterOf(l.agent)
}

// read takes the guest's output apart: what the agents said, and the names of
// functions. One that is cut short says so: its checksum comes last.
func read(output []byte) (said map[proto.Role][]proto.Message, names proto.Said, err error) {
	plain, err := gzip.NewReader(bytes.NewReader(output))
	if err != nil {
		return nil, names, fmt.Errorf("read the guest's output of %d bytes: %w", len(output), err)
	}
	said = map[proto.Role][]proto.Message{}
	for lines := json.NewDecoder(plain); ; {
		var one proto.Said
		err := lines.Decode(&one)
		if errors.Is(err, io.EOF) {
			return said, names, nil
		}
		if err != nil {
			return nil, names, fmt.Errorf("read the guest's output of %d bytes: %w", len(output), err)
		}
		if one.Role == "" {
			names = one
			continue
		}
		said[one.Role] = append(said[one.Role], one.Message)
	}
}
