package local

import (
	"fmt"

	"github.com/testbed-lab/testbed/guestagent/wiring"
	"github.com/testbed-lab/testbed/provision"
)

// check refuses what one kernel cannot be. Package hcl says the same at its
// place in the file, where the file names the backend.
func check(want provision.Request) error {
	if !labName.MatchString(want.Lab) {
		return fmt.Errorf("%q cannot be a folder's name", want.Lab)
	}
	if len(want.Machines) == 0 {
		return nil
	}
	first := want.Machines[0]
	for _, m := range want.Machines {
		if m.SSH != "" {
			return fmt.Errorf("machine %q is a computer that exists; on the local backend all are namespaces of this one: leave --backend out", m.Name)
		}
		if m.Image != first.Image {
			return fmt.Errorf("machines %q and %q have different images, and on the local backend all run this machine's own kernel: give them one, or use the libvirt backend", first.Name, m.Name)
		}
		if m.Setup != "" {
			return fmt.Errorf("machine %q has setup commands, which would change this machine; on the local backend there is no other: leave them out, or use the libvirt backend", m.Name)
		}
		if err := wiring.CheckSysctls(m.Sysctl); err != nil {
			return fmt.Errorf("machine %q: %w", m.Name, err)
		}
	}
	return nil
}
