package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAGuestsClockIsQuick: a guest of two processors reads its clock without a
// system call, also where it is emulated. Its lab has no test, which is no error.
func TestAGuestsClockIsQuick(t *testing.T) {
	u := newUser(t)
	up := u.do("up", u.lab("guest.hcl", "clock"))
	require.NotContains(t, up.stderr, "panic")
	clock := u.do("exec", "guest", "--", "cat", "/sys/devices/system/clocksource/clocksource0/current_clocksource")
	require.Contains(t, []string{"tsc", "kvm-clock"}, strings.TrimSpace(clock.stdout))
	u.do("down", "clock")
}
