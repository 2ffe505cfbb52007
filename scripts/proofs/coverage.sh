#!/bin/sh
# Proves that 95% intervals cover 93% to 97%, at every number of rounds for which
# one is printed, and that labs without a difference raise no alarm: by
# simulation, through the report's own code.
# inputs: report/stats report/coverage_test.go report/grid_test.go report/simulated_test.go
# inputs: report/alarm_test.go report/rest.go
# inputs: report/figure.go report/pooled.go report/ratio.go report/claim.go report/precision.go report/trial.go report/series.go
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TESTBED_COVERAGE_PAGE="$work/page.md" go test -count=1 -timeout 30m \
	-run 'Cover|FalseAlarms$|OneBoot|Candidates|Beyond|ZPage' ./report >"$work/log" 2>&1 || {
	cat "$work/log" >&2
	exit 1
}
cat <<'END'
# Intervals cover what they say

A nominal 95% interval must hold the truth in 93% to 97% of runs. Here the truth
is known, because the rounds are made up, and the report's own code makes the
intervals. Cells are per cent of 2,000 simulated labs (rounds), 3,000 (boots), 800
(stopping), 400 (transactions) or 1,000 (pooled percentiles of as few transactions
as they are given for); each cell may leave the band by three binomial
standard errors of so many, and no column's average over rounds may leave it at
all. `docs/method.md` says what each figure is and how its interval is made.

* **quiet**: a block has 1% of normal noise of its own, and that is all.
* **disturbed**: that noise is skewed and heavy-tailed: one block in ten is slower
  by an exponential delay.
* **heavy-tailed**: Student's t with five degrees of freedom in place of the normal.
  What all modes share wanders by 3% with a correlation of 0.8 from round to
  round, drifts by 10% over the run and steps by 5%. Each mode answers to it in
  its own way: half as much as a block's noise, with a correlation of 0.3.
* **rough**: the same with the disturbed noise.
* **noisier mode**: as heavy-tailed, and the mode's blocks scatter twice as much
  as host's.

END
sed -e 's/^## rounds$/## Every number of rounds/' -e 's/^## transactions$/## From transactions, in the rough world/' \
	-e 's/^## boots$/## Boots as a level/' -e 's/^## stopping$/## Stopping at a precision/' \
	-e 's/^## alarms$/## False alarms/' -e 's/^## candidates$/## The methods that were weighed/' \
	-e 's/^## beyond$/## Beyond the regime: a longer memory of each mode/' "$work/page.md"
