#!/bin/sh
# Of Debian's kernels between two, a bisect names the one in which host's path length
# changed most: twice, from empty folders, with the same answer and the same blocks.
# inputs: internal/e2e/testdata/counted.hcl internal/bisect internal/cli/bisect.go internal/cli/bisect_bench.go guestagent guestinit internal/payload internal/run images provision/icount report/compare.go report/compare_judge.go report/focus.go report/functions.go
set -eu
cd "$(dirname "$0")/../.."

good=6.12
bad=7.3
folder=results/proofs/bisect/$(sha256sum bin/testbed | cut -c 1-12)
mkdir -p "$folder"
testbed=$PWD/$folder/testbed # It takes long, and bin/testbed may be built anew meanwhile.
[ -e "$testbed" ] || cp bin/testbed "$testbed"

fail() { echo "bisect: $1" >&2 && exit 1; }

# find_largest runs the command in a folder of its own, or goes on where it was.
find_largest() { # FOLDER
	[ ! -e "$1/answer" ] || return 0
	echo "bisect: in $1" >&2
	mkdir -p "$1"
	sed 's/LAB/bpath/; s/TRANSACTIONS/500/' internal/e2e/testdata/counted.hcl >"$1/lab.hcl"
	(cd "$1" && "$testbed" bisect --good "$good" --bad "$bad" --change lab.hcl >answer.part 2>log) || {
		cat "$1/log" >&2
		exit 1
	}
	mv "$1/answer.part" "$1/answer"
}

# blocks prints the digest of what each kernel gave.
blocks() { # FOLDER
	(cd "$1/bisect/bpath/$good..$bad" && sha256sum ./*/blocks.jsonl)
}

# path prints the instructions of a kernel's path.
path() { # RESULT
	jq '.tests[0].modes[] | select(.name == "host") | .mean.estimate' "$1/result.json"
}

find_largest "$folder/1"
find_largest "$folder/2"
cmp -s "$folder/1/answer" "$folder/2/answer" || fail "two answers: $(cat "$folder/1/answer" "$folder/2/answer")"
blocks "$folder/1" >"$folder/1/blocks"
blocks "$folder/2" >"$folder/2/blocks"
cmp -s "$folder/1/blocks" "$folder/2/blocks" || fail "the blocks differ: $(diff "$folder/1/blocks" "$folder/2/blocks")"
grep -q '^changed most in: ' "$folder/1/answer" || fail "no answer: $(cat "$folder/1/answer")"

state=$folder/1/bisect/bpath/$good..$bad
kernels=$(cd "$state" && for result in */result.json; do dirname "$result"; done | sort -V)
boots=$(cat "$state"/*/blocks.jsonl | jq -r .boot | sort -u | wc -l)
rows=$(
	first=
	for kernel in $kernels; do
		figure=$(path "$state/$kernel")
		first=${first:-$figure}
		jq -nr --arg kernel "$kernel" --argjson is "$figure" --argjson was "$first" \
			'"| \($kernel) | \($is | round) | \(($is / $was - 1) * 10000 | round / 100)% |"'
	done
)

cat <<END
# In which kernel host's path changed most

The lab \`internal/e2e/testdata/counted.hcl\` with 500 transactions a block, and

    bin/testbed bisect --good $good --bad $bad --change lab.hcl

twice, from an empty folder each time. Both say

\`\`\`text
$(cat "$folder/1/answer")
\`\`\`

and each of the $(echo "$kernels" | wc -l) kernels that they measured, with $boots seeds each, gave the same
\`blocks.jsonl\`, to the byte.

| kernel | instructions | against the first |
| :-- | --: | --: |
$rows
END
