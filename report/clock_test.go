package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/testbed-lab/testbed/testbed"
)

func TestSlowClocks(t *testing.T) {
	machine := func(name string, source any) testbed.MachineEnvironment {
		return testbed.MachineEnvironment{Name: name, Facts: map[string]any{"clocksource": source}}
	}
	assert.Equal(t, []string{"server reads its clock by a system call, in every transaction: its clock source is hpet (quick ones: tsc, kvm-clock and hyperv_clocksource_tsc_page)"},
		slowClocks([]testbed.MachineEnvironment{machine("client", "tsc"), machine("server", "hpet"), machine("other", nil)}))
}
