#!/bin/sh
# What each thing that a counted guest has fixed does to the figures when it is not: the
# program is built without it from a copy of the sources, and counts the same lab thrice.
# inputs: scripts/keep internal/e2e/testdata/counted.hcl guestagent guestinit images/newc internal/payload internal/run provision/icount provision/libvirt
# shellcheck disable=SC2016 # The backquotes are Markdown's.
set -eu
cd "$(dirname "$0")/../.."
. scripts/keep

runs=3
folder=$PWD/results/proofs/fixed/$(sha256sum bin/testbed | cut -c 1-12)
mkdir -p "$folder"
lab=$folder/lab.hcl
sed 's/LAB/fixed/; s/TRANSACTIONS/500/' internal/e2e/testdata/counted.hcl >"$lab"
sealed=provision/libvirt/sealed.go
rows=''

# built copies the sources, changes them by sed(1) in files, if any, and builds $testbed.
built() { # NAME SCRIPT FILE...
	testbed=$folder/$1/testbed
	[ ! -e "$testbed" ] || return 0
	tree=$folder/$1/tree script=$2
	rm -rf "$tree"
	mkdir -p "$tree"
	git ls-files -z --cached --others --exclude-standard | tar --null -T - -c --ignore-failed-read 2>/dev/null | tar -x -C "$tree"
	shift 2
	for file; do
		sed -i.was "$script" "$tree/$file"
		! cmp -s "$tree/$file" "$tree/$file.was" || { echo "fixed: $script changes nothing of $file" >&2 && exit 1; }
	done
	make -C "$tree" --no-print-directory build >"$tree.log" 2>&1 || { cat "$tree.log" >&2 && exit 1; }
	mv "$tree/bin/testbed" "$testbed"
	rm -rf "$tree"
}

# counted runs a program and says how many of its runs agree, and host's and docker0's
# means in instructions, of all runs.
counted() { # NAME LAB
	mkdir -p "$folder/$1"
	run=1
	while [ "$run" -le "$runs" ]; do
		keep "$2" "$1/$run"
		run=$((run + 1))
	done
	same=$(for run in $(seq "$runs"); do jq -cS 'del(.functions, .started)' "$folder/$1/$run/blocks.jsonl" | sha256sum; done |
		sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }')
}

means() { # NAME MODE
	for run in $(seq "$runs"); do
		jq -r ".tests[0].modes[] | select(.name == \"$2\") | .mean.estimate" "$folder/$1/$run/result.json"
	done
}

# change is the range of means against the fixed one's.
change() { # NAME MODE
	means "$1" "$2" | awk -v "was=$(means all "$2" | head -n 1)" '
		{ c = 100 * ($1 / was - 1); if (NR == 1 || c < least) least = c; if (NR == 1 || c > most) most = c }
		END {
			low = sprintf("%+.2f%%", least); high = sprintf("%+.2f%%", most)
			print low == high ? low : low " to " high
		}'
}

row() { # NAME TEXT
	rows="$rows| $2 | $same of $runs | $(change "$1" host) | $(change "$1" docker0) |
"
}

# without measures a program that lacks a thing.
without() { # NAME TEXT SCRIPT FILE...
	which=$1 text=$2
	shift 2
	built "$which" "$@"
	counted "$which" "$lab"
	row "$which" "$text"
}

built all ''
counted all "$lab"
row all 'nothing: all is fixed'
[ "$same" -eq "$runs" ] || { echo "fixed: the lab does not repeat with all fixed: $same of $runs" >&2 && exit 1; }

without seed 'the seed: the UUID is the domain'\''s own' 's/"type=1,uuid="+m.Sealed.Seed/"type=2"/' $sealed
without rdrand '`rdrand` and `rdseed` are there, and trusted' 's/{"rdrand", "rdseed"}/{}/; s/"random.trust_cpu=off", //' $sealed
without jitter 'the jitter source' 's/jent_mod_init,//' $sealed
without kaslr '`nokaslr`' 's/"nokaslr", //' $sealed
without rtc 'the RTC: it is the host'\''s clock' 's/clockXML{Offset: "absolute".*/clockXML{Offset: "utc"}/' $sealed
without calibration '`tsc_early_khz`: the clock'\''s rate is measured' 's/"tsc_early_khz=1000000", //' $sealed
without clock 'the wait for the kernel'\''s clock' 's/ == wanted {/ != wanted+"!" {/' guestinit/sealed.go
without processor 'the processor: Skylake-Server' 's/^const sealedCPU = .*/const sealedCPU = "Skylake-Server"/' $sealed
without ticks '`nolapic_timer`' 's/"nolapic_timer", //' $sealed
without sleep 'the plugin that has HLT wait' 's/if made.plugin != "" {/if made.plugin == "none" {/' $sealed
without kernel 'the unpacked kernel: it unpacks itself' 's/images.Unpack(image); err == nil {/images.Unpack(image); err == nil \&\& len(kernel) == 0 {/' provision/libvirt/pool.go
without files 'the order of files' 's/slices.Sorted(maps.Keys(t.entries))/slices.SortedFunc(maps.Keys(t.entries), func(a, b string) int { return strings.Count(a, "\/") - strings.Count(b, "\/") })/' images/newc/newc.go
without throttling 'real-time threads without a limit' 's/sched_rt_runtime_us", "-1"/sched_rt_runtime_us", "950000"/; s/runtime", "0"/runtime", "50000000"/' guestinit/sealed.go
without ksoftirqd '`ksoftirqd` before the loops' '/if err := raiseSoftirqs/,/^\t}/d' guestinit/sealed.go
without collection 'collection held off' 's/debug.SetGCPercent(-1)/debug.SetGCPercent(100)/' guestagent/rr/quiet.go
without preemption 'no asynchronous preemption' 's/= "asyncpreemptoff=1"/= "asyncpreemptoff=0"/' guestagent/command.go
without idle 'the others of the agents'\'' threads `SCHED_IDLE`' 's/^\tschedIdle  = 5/\tschedIdle  = 0/' guestagent/rr/background.go
without away 'loops outside of Go'\''s scheduler' '/^\tl.away = true$/d; /^\tentersyscallblock()$/d' guestagent/rr/client.go guestagent/rr/loop.go guestagent/rr/loopudp.go

testbed=$folder/all/testbed
fair=$folder/fair.hcl
sed 's/^\( *\)protocol *= .*/&\n\1priority = 0/' "$lab" >"$fair"
counted fair "$fair"
row fair 'the real-time class: `priority = 0`'

cat <<END
# What is fixed, and what each does

The lab of \`internal/e2e/testdata/counted.hcl\` with 500 transactions a block, counted by
programs that were built without one thing each that [a counted guest has
fixed](../icount.md#what-is-fixed-and-how), $runs times each with the same seed, on the newest
kernel of trixie. How many runs have the same blocks, and the change of the mean of instructions
against all fixed, from the least to the most where runs differ:

| without | same | host | docker0 |
| :-- | :-- | --: | --: |
$rows
A program that is built without something is another program too, whose agent lies elsewhere
in memory: what repeats and moved by some tenths of a per cent may be that alone.
END
