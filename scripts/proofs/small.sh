#!/bin/sh
# A path that is longer by less than 1% is found in one run, with the functions: congestion
# control by CUBIC in place of Reno.
# inputs: internal/e2e/testdata/congestion.hcl guestagent guestinit internal/payload internal/run provision/icount report/compare.go report/compare_judge.go
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lab=internal/e2e/testdata/congestion.hcl
cp "$lab" "$work/lab.hcl"

bin/testbed run "$work/lab.hcl" --out "$work/result" >"$work/log" 2>&1 || [ $? -eq 4 ] || {
	cat "$work/log" >&2
	exit 1
}

# verdict BASE NEW WANT prints host's change; fails where the verdict is another, the change
# 1% or more, or no function named.
verdict() {
	bin/testbed compare "$work/result" "$work/result" --base-cell "control=$1" --new-cell "control=$2" \
		--max-regression 0.2% --format json >"$work/verdict.json" || [ $? -ge 3 ]
	jq -er --arg want "$3" '.[0].modes[0] | if .verdict == $want and (.itself.estimate - 1 | fabs) < 0.01 and (.functions | length) > 0 then . else error("no \($want) of less than 1%: \(.)") end |
		def percent: (if . > 1 then "+" else "−" end) + "\((. - 1) * 10000 | round / 100 | fabs)%";
		"\(.verdict), \(.itself.estimate | percent) [\(.itself.lo | percent), \(.itself.hi | percent)]: \([.functions[] | "`\(.name)` \(if .new > .base then "+" else "−" end)\(.new - .base | fabs | round)"] | join(", "))"' "$work/verdict.json"
}

there=$(verdict reno cubic regression)
back=$(verdict cubic reno improvement)
cat <<END
# A change of less than 1% is found

On the backend icount, with the lab \`$lab\`: one run of host with
\`net.ipv4.tcp_congestion_control\` set to \`reno\` and to \`cubic\`, 5 seeds of 500 transactions each.

    bin/testbed run $lab --out RESULT
    bin/testbed compare RESULT RESULT --base-cell control=reno --new-cell control=cubic --max-regression 0.2%

From \`reno\` to \`cubic\` it is a $there; and back an $back. (The
interval is over seeds; the functions are those that changed most, in instructions a
transaction.)
END
