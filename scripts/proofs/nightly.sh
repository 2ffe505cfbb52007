#!/bin/sh
# A nightly job on the local backend: of 30 nights on which nothing changed at most 4 are
# called a regression, and a mode that is slower by what a comparison says it would see is
# found as often as it says.
# inputs: scripts/keep internal/e2e/testdata/nightly.hcl guestagent/rr guestagent/netmode report/compare.go report/compare_judge.go
set -eu
cd "$(dirname "$0")/../.."
. scripts/keep

nights=30
slow=20
rules=1000
folder=results/proofs/nightly/$(sha256sum bin/testbed | cut -c 1-12)
mkdir -p "$folder"
lab=internal/e2e/testdata/nightly.hcl
testbed=$folder/testbed # It takes long, and bin/testbed may be built anew meanwhile.
[ -e "$testbed" ] || cp bin/testbed "$testbed"

compare() { # BASE NEW
	"$testbed" compare "$folder/$1" "$folder/$2" --max-regression 2% --format json >"$folder/verdict.json" || [ $? -ge 3 ]
}

night=0
while [ "$night" -le "$nights" ]; do
	keep "$lab" "night-$night" --var "seed=$((3000 + night))"
	[ "$night" -lt 1 ] || [ "$night" -gt "$slow" ] || keep "$lab" "slow-$night" --var "seed=$((4000 + night))" --var "rules=$rules"
	night=$((night + 1))
done

alarms=0 found=0 effects='' sizes='' pairs='' night=1
while [ "$night" -le "$nights" ]; do
	compare "night-$((night - 1))" "night-$night"
	[ "$(jq -r '.[0].verdict' "$folder/verdict.json")" != regression ] || alarms=$((alarms + 1))
	if [ "$night" -le "$slow" ]; then
		compare "night-$night" "slow-$night"
		mode='.[0].modes[] | select(.mode == "docker0")'
		verdict=$(jq -r "$mode | .verdict" "$folder/verdict.json")
		[ "$verdict" != regression ] || found=$((found + 1))
		effect=$(jq -r "$mode | .minimum_effect" "$folder/verdict.json")
		effects="$effects $effect"
		sizes="$sizes $(jq -r "$mode | .to_host.estimate" "$folder/verdict.json")"
		pairs="$pairs $effect:$verdict"
	fi
	night=$((night + 1))
done
middle() { # The median of ratios, in per cent.
	echo "$1" | tr ' ' '\n' | jq -rs 'sort | (.[length / 2 | floor] - 1) * 1000 | round / 10'
}

# The comparisons that say that they would see a change of the size that was made: how many
# there are, how many saw it, and the least that four in five may give, at 2.5%.
able=$(echo "$pairs" | tr ' ' '\n' | awk -F: -v "size=$(echo "$sizes" | tr ' ' '\n' | jq -rs 'sort | .[length / 2 | floor]')" '
	NF == 2 && $1 <= size { n++; seen += $2 == "regression" }
	END {
		p = 0.2 ^ n
		for (sum = p; sum <= 0.025 && k < n; sum += p) {
			p *= (n - k) / (k + 1) * 4
			k++
		}
		print n + 0, seen + 0, k + 0
	}')
least=${able##* } saw=${able% *}
number=${saw% *} saw=${saw#* }

cat <<END
# A nightly job on the local backend

\`bin/testbed run $lab\` again and again, \`bin/testbed compare
--max-regression 2%\` of each night with the one before; 20 rounds of 100 ms, three rows,
modes judged by their ratio to host.

* **Nothing changed**: **$alarms of $nights** nights were called a regression (4 are allowed: the
  97.5% limit of a rate of 5%).
* **docker0 slower by $(middle "$sizes")%** ($rules firewall rules, the median of what was measured): found in
  **$found of $slow**. The median comparison says that it would see $(middle "$effects")% in four of five. $number say
  so of a change of this size, and **$saw of $number** saw it ($least have to: the 2.5% limit of four
  in five).
END
[ "$alarms" -le 4 ] && [ "$number" -ge 5 ] && [ "$saw" -ge "$least" ]
