#!/bin/sh
# inputs: examples/calibration.hcl examples/calibration-guest.hcl guestagent/netmode/delay.go guestagent/rr guestagent/job.go report/recover.go report/ratio.go report/stats internal/cli/calibrate.go internal/cli/calibrateguest.go
#
# A delay that was injected is found again, in the middle and in the tail.
set -eu
cd "$(dirname "$0")/../.."

found=$(bin/testbed doctor --calibrate) || {
	printf '%s\n' "$found" >&2
	exit 1
}
cat <<PAGE
# Calibration

netem holds each request of a guest back for a time that is known, and the
difference of two such modes, measured as modes are compared with \`host\`, should
be the difference of their delays. The base has a delay too, because netem costs
something itself (a timer, an interrupt, a softirq), most of which a difference of
two delays is free of. The lab is \`examples/calibration.hcl\`; the same on any rig:

    testbed doctor --calibrate

$(printf '%s\n' "$found" | sed 's/^/    /')

The intervals are of 95%, so an instrument without a fault misses more than one of
six in 3% of calibrations; that is what fails.
PAGE
