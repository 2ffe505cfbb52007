package icount

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/testbed-lab/testbed/guestagent/wiring"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
)

// Hypervisor makes the guest: [libvirt.Backend].
type Hypervisor interface {
	provision.Backend
	// Output is what a sealed machine has written, and ConsoleOf what its kernel
	// has said.
	Output(ctx context.Context, lab, machine string) ([]byte, error)
	ConsoleOf(ctx context.Context, lab, machine string) ([]byte, error)
	// Counts are what its counter has written.
	Counts(ctx context.Context, lab, machine string) ([]byte, error)
}

// Backend runs a lab's tests in one guest each.
type Backend struct {
	hypervisor Hypervisor
	sink       progress.Sink
	plugin     []byte // QEMU's, for what counts. Optional.
	symbols    symbolCache

	mu   sync.Mutex
	labs map[string]*lab // That were planned, by name.
}

var _ provision.Backend = (*Backend)(nil)

// Open makes a backend of a hypervisor, which it closes with itself. plugin is
// QEMU's: it keeps the clock of a guest that sleeps to its count, and counts
// instructions by their place. Without it there are figures, and none by function.
func Open(h Hypervisor, plugin []byte, sink progress.Sink) (*Backend, error) {
	cache, err := openSymbolCache()
	return &Backend{hypervisor: h, plugin: plugin, symbols: cache, sink: sink, labs: map[string]*lab{}}, err
}

// suffix keeps the guest apart from the machines that a lab of this name may have
// on the hypervisor itself.
const suffix = "-icount"

// Plan has nothing to make: a guest lives as long as a test.
func (b *Backend) Plan(_ context.Context, want provision.Request) ([]provision.Step, error) {
	if err := check(want); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.labs[want.Lab] = newLab(b, want)
	return nil, nil
}

// check refuses what one guest without devices cannot be. Package hcl says the same
// at its place in the file, where the file names the backend.
func check(want provision.Request) error {
	if len(want.Machines) == 0 {
		return nil
	}
	first := want.Machines[0]
	for _, m := range want.Machines {
		switch {
		case m.SSH != "":
			return fmt.Errorf("machine %q is a computer that exists, and its instructions cannot be counted: leave --backend icount out", m.Name)
		case m.Image != first.Image:
			return fmt.Errorf("machines %q and %q have different images, and on the icount backend all share one guest: give them one, or compare images in a matrix", first.Name, m.Name)
		case m.CPUs > 1:
			return fmt.Errorf("machine %q has %d processors, and instructions are counted on one: write cpus = 1", m.Name, m.CPUs)
		case m.Disk != "":
			return fmt.Errorf("the image of machine %q adds packages, and a guest that counts instructions has no disk to hold them: leave packages out, or use the libvirt backend", m.Name)
		case m.Setup != "":
			return fmt.Errorf("machine %q has setup commands, and a guest that counts instructions runs nothing but the agent: leave them out, or use the libvirt backend", m.Name)
		}
		if err := wiring.CheckSysctls(m.Sysctl); err != nil {
			return fmt.Errorf("machine %q: %w", m.Name, err)
		}
	}
	return nil
}

// errNotHere answers what needs a machine that runs.
var errNotHere = provision.ErrSealed

// NoWayIn is why nobody connects to a machine of this backend.
func (b *Backend) NoWayIn() error { return errNotHere }

// Machine is a part for an agent to play in a test.
func (b *Backend) Machine(_ context.Context, lab, name string) (provision.Machine, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.labs[lab]
	if !ok {
		return nil, fmt.Errorf("connect to %q of lab %q: %w", name, lab, errNotHere)
	}
	return &machine{lab: l, name: name}, nil
}

// Labs are none: nothing runs between tests.
func (b *Backend) Labs(context.Context) ([]provision.Lab, error) { return nil, nil }

// Keep has nothing to keep.
func (b *Backend) Keep(context.Context, string) error { return nil }

// Down removes what an interrupted test left of its guest.
func (b *Backend) Down(ctx context.Context, lab string) ([]provision.Step, error) {
	return b.hypervisor.Down(ctx, lab+suffix)
}

// Garbage is the hypervisor's.
func (b *Backend) Garbage(ctx context.Context) ([]provision.Step, error) {
	return b.hypervisor.Garbage(ctx)
}

// State is of the hypervisor's computer.
func (b *Backend) State(ctx context.Context) (map[string]any, error) { return b.hypervisor.State(ctx) }

// Facts are the hypervisor's, and the clock.
func (b *Backend) Facts(ctx context.Context, name string) (map[string]any, error) {
	facts, err := b.hypervisor.Facts(ctx, name+suffix)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	l := b.labs[name]
	b.mu.Unlock()
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		facts[commandLines] = l.commands
	}
	facts["clock"] = "instructions of the guest (QEMU -icount shift=0,sleep=off)"
	facts["accelerator"] = b.Accelerator()
	return facts, nil
}

// commandLines is the hypervisor's fact of that name.
const commandLines = "qemu_command_lines"

// Accelerator is QEMU's translator, also where there is KVM: only it counts.
func (b *Backend) Accelerator() string { return "tcg" }

// Boots is true: the guest boots an image.
func (b *Backend) Boots() bool { return true }

// Close closes the hypervisor.
func (b *Backend) Close() error { return b.hypervisor.Close() }

// seedSpace is the namespace of the UUIDs that seeds become.
var seedSpace = uuid.MustParse("6f1e0a5c-3d1b-5b1e-9c52-7465737462ed")

// uuidOf is the UUID that the guest of a seed sees: of the lab's own seed and of
// the number of the boot.
func uuidOf(seed int64, boot int) string {
	return uuid.NewSHA1(seedSpace, fmt.Appendf(nil, "%d/%d", seed, boot)).String()
}

// memoryOf is the guest's: that of its largest machine.
func memoryOf(machines []provision.MachineRequest) (most uint64) {
	for _, m := range machines {
		most = max(most, m.Memory)
	}
	return most
}
