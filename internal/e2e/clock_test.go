package e2e

import (
	"path/filepath"
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

// stepping is tiny.hcl with a client whose wall clock is set while blocks run.
var stepping = []string{`vm "client" {`, `vm "client" {
  setup = "(while sleep 0.2; do date -s @$(($(date +%s) + 2)); done) > /dev/null 2>&1 &"
`}

// requireVoided: each block of the lab's last result is voided for its clock's step, or
// none is.
func requireVoided(t *testing.T, u *user, lab string, all bool) {
	t.Helper()
	voided := readResult(t, filepath.Join(u.dir, "results", lab, "latest")).Tests[0].Voided
	if !all {
		require.Empty(t, voided)
		return
	}
	require.Len(t, voided, 3, "host twice and macvlan")
	for _, b := range voided {
		require.Regexp(t, `^client: the wall clock was set by [0-9.]+s, and clock_step allows 10ms$`, b.Reason)
	}
}
