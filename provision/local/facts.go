package local

import (
	"context"
	"fmt"
	"maps"

	"github.com/testbed-lab/testbed/guestagent/computer"
	"github.com/testbed-lab/testbed/provision"
)

// description is what a result says of a lab, also when it is down again.
type description struct {
	cpus     map[string]string // By machine.
	networks map[string]string // Kind, by network.
	shared   bool
}

func (b *Backend) describe(want provision.Request, cpus map[string][]int, shared bool) {
	d := description{cpus: map[string]string{}, networks: map[string]string{}, shared: shared}
	for name, its := range cpus {
		d.cpus[name] = cpuList(its)
	}
	for _, n := range want.Networks {
		members := 0
		for _, m := range want.Machines {
			if _, is := m.NIC(n.Name); is {
				members++
			}
		}
		d.networks[n.Name] = kindOf(members)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made[want.Lab] = d
}

// sayWhatIsDifferent tells once what a lab file asks for and one kernel ignores.
func (b *Backend) sayWhatIsDifferent(cpus int, shared bool) {
	b.sink.Note(fmt.Sprintf("no VMs: machines are namespaces of this kernel (%s); image and memory mean nothing here", computer.Release(computer.Here())))
	if shared {
		b.sink.Note(fmt.Sprintf("the machines want more than the %d CPUs that there are, and share them: latencies hold the wait for each other", cpus))
	}
}

// Facts describe this machine, and how a lab of this process's was laid out.
func (b *Backend) Facts(_ context.Context, lab string) (map[string]any, error) {
	facts := map[string]any{
		"machines":       "network namespaces of this kernel",
		"kernel":         computer.Release(computer.Here()),
		"user_namespace": contained(),
	}
	maps.Copy(facts, computer.Facts(computer.Here()))
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.made[lab]
	facts["machine_cpus"], facts["networks"], facts["cpus_shared"] = prefixed(lab, d.cpus), prefixed(lab, d.networks), d.shared
	return facts, nil
}

// State is this machine's.
func (b *Backend) State(context.Context) (map[string]any, error) {
	return computer.State(computer.Here()), nil
}

// prefixed names things by their lab too.
func prefixed(lab string, values map[string]string) map[string]any {
	all := map[string]any{}
	for name, value := range values {
		all[lab+"/"+name] = value
	}
	return all
}
