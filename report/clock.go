package report

import (
	"fmt"
	"slices"

	"github.com/testbed-lab/testbed/testbed"
)

// quickClocks are the kernel's clock sources that a program reads without a system
// call (the architecture's vDSO modes: arch/x86/include/asm/vdso/clocksource.h).
var quickClocks = []string{"tsc", "kvm-clock", "hyperv_clocksource_tsc_page"}

// slowClocks says which machines read their clock by a system call, which then is
// part of every transaction, in each mode alike.
func slowClocks(machines []testbed.MachineEnvironment) []string {
	warnings := []string{}
	for _, m := range machines {
		source, known := m.Facts["clocksource"].(string)
		if known && !slices.Contains(quickClocks, source) {
			warnings = append(warnings, fmt.Sprintf("%s reads its clock by a system call, in every transaction: its clock source is %s (quick ones: %s)", m.Name, source, list(quickClocks)))
		}
	}
	return warnings
}
