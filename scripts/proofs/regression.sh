#!/bin/sh
# Regressions are found where there are some and only there, in instructions: a boot
# option that lengthens the path by 1%, in one run; a path some 3% longer, in 20 pairs of
# runs; and nothing between 20 pairs of the same kernel and lab with different seeds.
# inputs: scripts/keep internal/e2e/testdata/regression.hcl guestagent guestinit internal/payload internal/run provision/icount report/compare.go report/compare_judge.go
set -eu
cd "$(dirname "$0")/../.."
. scripts/keep

pairs=20
rules=7
lab=internal/e2e/testdata/regression.hcl
# Results are kept by what runs in the guest and what is asked of it.
folder=results/proofs/regression/$(cat internal/payload/bin/* "$lab" | sha256sum | cut -c 1-12)
mkdir -p "$folder"
cp "$lab" "$folder/lab.hcl"
testbed=$folder/testbed # It takes long, and bin/testbed may be built anew meanwhile.
cp bin/testbed "$testbed"

verdict() { # BASE NEW MODE
	"$testbed" compare "$folder/$1" "$folder/$2" --max-regression 1% --format json >"$folder/verdict.json" || [ $? -ge 3 ]
	jq -r --arg mode "$3" '.[0].modes[] | select(.mode == $mode) | .verdict' "$folder/verdict.json"
}

keep "$folder/lab.hcl" option --var cmdline=schedstats=enable --against plain --max-regression 0.2%
option=$(jq -r '.[0].modes[] | select(.mode == "host") |
	"\(.verdict), \((.itself.estimate - 1) * 10000 | round / 100)% [\((.itself.lo - 1) * 10000 | round / 100)%, \((.itself.hi - 1) * 10000 | round / 100)%], of it \([.functions[] | "`\(.name)` +\(.new - .base | round)"] | join(", "))"' "$folder/option/comparison.json")

pair=0
while [ "$pair" -le "$pairs" ]; do
	keep "$folder/lab.hcl" "plain-$pair" --var "seed=$((1000 + pair))"
	[ "$pair" -eq 0 ] || keep "$folder/lab.hcl" "longer-$pair" --var "seed=$((2000 + pair))" --var "rules=$rules"
	pair=$((pair + 1))
done

found=0 changes=0 equal=0 pair=1
while [ "$pair" -le "$pairs" ]; do
	[ "$(verdict "plain-$pair" "longer-$pair" docker0)" != regression ] || found=$((found + 1))
	for mode in host docker0; do
		case $(verdict "plain-$((pair - 1))" "plain-$pair" $mode) in
		regression | improvement) changes=$((changes + 1)) ;;
		equal) equal=$((equal + 1)) ;;
		esac
	done
	pair=$((pair + 1))
done
size=$(jq -rs '(map(.tests[0].modes[] | select(.name == "docker0") | .p50.estimate | log) | add / length)' "$folder"/longer-*/result.json)
base=$(jq -rs '(map(.tests[0].modes[] | select(.name == "docker0") | .p50.estimate | log) | add / length)' "$folder"/plain-*/result.json)
longer=$(jq -n "(($size - $base | exp) - 1) * 1000 | round / 10")

cat <<END
# Regressions are found

On the backend icount, with the lab \`$lab\`: host and docker0, 5 seeds of 500
transactions a run.

* **A boot option, in one run.** \`bin/testbed run LAB --var
  cmdline=schedstats=enable --against plain --max-regression 0.2%\`: host is a
  $option.
* **A path $longer% longer** ($rules firewall rules in docker0's way), each pair of runs
  with seeds of its own, \`bin/testbed compare --max-regression 1%\`: found in
  **$found of $pairs**.
* **The same kernel and lab with different seeds**: **$changes changes** in $pairs pairs of
  runs and two modes each ($equal of $((2 * pairs)) are equal within 1%, the others
  inconclusive).
END
[ "$changes" -eq 0 ] && [ "$((20 * found))" -ge "$((19 * pairs))" ] && case $option in regression*) ;; *) exit 1 ;; esac
