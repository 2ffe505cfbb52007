#!/bin/sh
# Counted labs repeat: 20 runs of one seed have the same bytes in every block, one
# half of them beside a process a core that does nothing but compute.
# inputs: internal/e2e/testdata/counted.hcl guestagent guestinit internal/payload internal/run provision/icount provision/libvirt
set -eu
cd "$(dirname "$0")/../.."

runs=20
folder=results/proofs/repeatable/$(sha256sum bin/testbed | cut -c 1-12)
mkdir -p "$folder"
lab=$folder/lab.hcl
sed 's/LAB/repeatable/; s/TRANSACTIONS/2000/' internal/e2e/testdata/counted.hcl >"$lab"

burners=
calm() {
	# shellcheck disable=SC2086 # One word a process.
	[ -z "$burners" ] || kill $burners 2>/dev/null || true
	burners=
}
trap calm EXIT
burn() {
	for _ in $(seq "$(nproc)"); do
		sh -c 'while :; do :; done' &
		burners="$burners $!"
	done
}

run=1
while [ "$run" -le "$runs" ]; do
	if [ ! -e "$folder/$run/result.json" ]; then
		echo "repeatable: $run of $runs" >&2
		[ $((run % 2)) -eq 1 ] || burn
		bin/testbed run "$lab" --out "$folder/$run" >/dev/null 2>"$folder/$run.log" || {
			cat "$folder/$run.log" >&2
			exit 1
		}
		calm
	fi
	run=$((run + 1))
done

different=$(sha256sum "$folder"/*/blocks.jsonl | cut -d ' ' -f 1 | sort -u | wc -l)
same=$(sha256sum "$folder"/*/blocks.jsonl | cut -d ' ' -f 1 | sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }')
figures=$(jq -r '.tests[0].modes[] | "| \(.name) | \(.p50.estimate * 100 | round | . / 100) | \(.mean.estimate * 100 | round | . / 100) |"' "$folder/1/result.json")

cat <<END
# Counted labs repeat

$runs runs of one lab on the backend icount, \`bin/testbed run LAB\` with the lab of
\`internal/e2e/testdata/counted.hcl\` and 2,000 transactions a block; every second run
beside $(nproc) processes that did nothing but compute. **$same of $runs have the same
\`blocks.jsonl\`, to the byte** ($different distinct): every histogram, minimum, mean and
count by function.

| mode | p50, instructions | mean |
| :-- | --: | --: |
$figures
END
[ "$different" -eq 1 ]
