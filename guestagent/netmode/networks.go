package netmode

import "github.com/testbed-lab/testbed/guestagent/netstate"

// Networks is all that is in the network namespaces that the mode uses on this machine,
// its own and the container's, and the BPF programs of the kernel.
func (m *Mode) Networks() map[string]any {
	found := map[string]any{"machine": netstate.Of(m.build.machine.space), "bpf": netstate.Programs()}
	if container := m.build.space; container != nil {
		found["container"] = netstate.Of(container)
	}
	return found
}
