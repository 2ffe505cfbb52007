#!/bin/sh
# inputs: examples/calibration.hcl examples/calibration-guest.hcl guestagent/netmode/delay.go guestagent/rr guestagent/job.go report/recover.go report/ratio.go report/stats internal/cli/calibrate.go internal/cli/calibratejudge.go internal/cli/calibrateguest.go
#
# A delay that was injected is found again, in the middle and in the tail, by the
# instrument; and what this rig makes of it.
set -eu
cd "$(dirname "$0")/../.."

found=$(bin/testbed doctor --calibrate --backend icount) || {
	printf '%s\n' "$found" >&2
	exit 1
}
# A rig may be too noisy, which is not the instrument's fault; status 1 says so.
rig=$(bin/testbed doctor --calibrate) || [ $? -eq 1 ]
case $rig in *calibrated:*) ;; *) exit 1 ;; esac
cat <<PAGE
# Calibration

netem holds each request of a guest back for a time that is known, and the
difference of two such modes, measured as modes are compared with \`host\`, should
be the difference of their delays. The base has a delay too, because netem costs
something itself (a timer, an interrupt, a softirq), most of which a difference of
two delays is free of. The lab is \`examples/calibration.hcl\`.

**The instrument**, in a guest whose clock is its instruction count, so that no host
disturbs it (what is proved here):

    testbed doctor --calibrate --backend icount

$(printf '%s\n' "$found" | sed 's/^/    /')

**This rig**, with all its noise; yours is asked by the same command:

    testbed doctor --calibrate

$(printf '%s\n' "$rig" | sed 's/^/    /')

The intervals are of 95%, so a rig without a fault misses more than one of six in 3% of
calibrations; with that it is not calibrated.
PAGE
