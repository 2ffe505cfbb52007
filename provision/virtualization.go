package provision

import (
	"slices"
	"strings"
)

// Virtualizes says whether the processor that a /proc/cpuinfo describes has the
// extension (Intel's VT-x, AMD's SVM) with which KVM runs any kernel. There are KVMs
// without: kvm_pvm, found in clouds' virtual machines, runs kernels that were made
// for it, and a stock one ends in QEMU's "internal error".
func Virtualizes(cpuinfo string) bool {
	flags := CPUFlags(cpuinfo)
	return slices.Contains(flags, "vmx") || slices.Contains(flags, "svm")
}

// CPUFlags are those of the first processor.
func CPUFlags(cpuinfo string) []string {
	for line := range strings.Lines(cpuinfo) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "flags" {
			return strings.Fields(value)
		}
	}
	return nil
}
