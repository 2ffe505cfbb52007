#!/bin/sh
# False alarms of real A/A labs: 30 runs of examples/noise-floor.hcl on the local
# backend, in which every mode is the host itself. A run that was cut short goes
# on with the first seed that has no result.
# inputs: examples/noise-floor.hcl guestagent internal/run provision/local report testbed
set -eu
cd "$(dirname "$0")/../.."

labs=30
# The 97.5% quantile of a binomial (30, 5%): more false alarms than that, and the
# rate is not the 5% that a verdict promises.
limit=4
lab=examples/noise-floor.hcl
folder=results/proofs/false-alarms/$(sha256sum bin/testbed | cut -c 1-12)
mkdir -p "$folder"

seed=1
while [ "$seed" -le "$labs" ]; do
	if [ ! -e "$folder/$seed/result.json" ]; then
		echo "false-alarms: $seed of $labs" >&2
		bin/testbed run --backend local "$lab" --var "seed=$seed" --out "$folder/$seed" >/dev/null 2>"$folder/$seed.log" || {
			cat "$folder/$seed.log" >&2
			exit 1
		}
	fi
	seed=$((seed + 1))
done

# rows: SEED, noise floor, each mode's ratio with its interval and verdict.
rows() {
	seed=1
	while [ "$seed" -le "$labs" ]; do
		jq -r --arg seed "$seed" '
			def round3: . * 1000 | round / 1000;
			def interval: if .lo then "\(.lo | round3) to \(.hi | round3)" else "none" end;
			.tests[0] | [$seed, (.noise_floor | interval)] +
			[.modes[] | select(.name != "host") | (.ratio_to_host.p50 | interval) + ", " + .claims.p50.verdict] |
			"| " + join(" | ") + " |"' "$folder/$seed/result.json"
		seed=$((seed + 1))
	done
}
table=$(rows)
alarms=$(printf '%s\n' "$table" | grep -cE 'slower|faster' || true)
open=$(printf '%s\n' "$table" | grep -c 'no verdict' || true)

cat <<END
# False alarms on a real machine

$labs A/A labs on the local backend: \`bin/testbed run --backend local $lab
--var seed=N\` for N from 1 to $labs. Every mode is the host itself, so a verdict
of slower or faster is a false alarm. **$alarms of $labs labs gave one**; at the 5%
that a verdict promises, $limit is the binomial 97.5% limit. Labs without a verdict: $open.

Intervals are of the ratio of p50 to host.

| seed | host against host | same-a | same-b | same-c |
| --: | :-- | :-- | :-- | :-- |
$table
END
[ "$alarms" -le "$limit" ] && [ "$open" -eq 0 ]
