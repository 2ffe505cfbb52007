package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// kernelFacts are the names under which an agent or an image states a kernel.
var kernelFacts = []string{"kernel_release", "release", "kernel"}

// kernelsOf lists the kernels that the machines ran, sorted, each once.
func kernelsOf(r testbed.Result) []string {
	seen := map[string]bool{}
	for _, m := range r.Environment.Machines {
		for _, name := range kernelFacts {
			if release, is := m.Facts[name].(string); is && release != "" {
				seen[release] = true
				break
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// rig says in a few words what the numbers were measured on.
func rig(r testbed.Result) string {
	parts := []string{machinesText(r)}
	if kernels := kernelsOf(r); len(kernels) > 0 && len(kernels) < 3 {
		parts = append(parts, "Linux "+strings.Join(kernels, ", "))
	}
	return strings.Join(parts, " · ")
}

// machinesText says what the machines were, lest namespaces be taken for VMs.
func machinesText(r testbed.Result) string {
	parts := []string{r.Backend}
	switch r.Backend {
	case backendLocal:
		parts = append(parts, "namespaces of this machine's own kernel, no VMs")
	case backendIcount:
		parts = append(parts, "namespaces of one guest that counts its instructions")
	case backendSSH:
		parts = append(parts, "machines that exist, over SSH")
	}
	if r.Accelerator != "" {
		parts = append(parts, strings.ToUpper(r.Accelerator))
	}
	return strings.Join(parts, " · ")
}

// Backends of which a report must say what they are.
const (
	backendLocal = "local"
	backendSSH   = "ssh"
)

// boots says whether the backend boots its machines: only there is another boot
// another experiment.
func boots(r testbed.Result) bool { return r.Backend != backendLocal && r.Backend != backendSSH }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
