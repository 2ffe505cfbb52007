#!/bin/sh
# A kernel that was built from source here is measured by mode, a leak in it is found and
# told with its stack, and git bisect names the commit that made it longer, and the one
# that made it leak. It takes some 5 GB while it runs.
# inputs: scripts/proofs/built.mbox internal/e2e/testdata/built.hcl guestagent guestinit images kconfig internal/bisect internal/cli/bisect_step.go internal/doctor/config.go internal/needs internal/run provision/icount report/leaks.go
set -eu
cd "$(dirname "$0")/../.."
here=$PWD

series=6.12
source=/usr/src/linux-source-$series.tar.xz
fail() { echo "built: $1" >&2 && exit 1; }
[ -e "$source" ] || fail "no $source: scripts/setup --prove"
package=$(dpkg-query -W -f '${Version}' "linux-source-$series")

# The tree is kept by what it is made of, a configuration by what it is made from, and
# results by what runs in the guest too.
folder=$here/results/proofs/built/$(sha256sum "$source" scripts/proofs/built.mbox | sha256sum | cut -c 1-12)
kept=$folder/$(cat internal/payload/bin/* internal/e2e/testdata/built.hcl | sha256sum | cut -c 1-12)
mkdir -p "$kept/bin"
cp internal/e2e/testdata/built.hcl "$kept/lab.hcl"
[ -e "$kept/bin/testbed" ] || cp bin/testbed "$kept/bin/" # It takes long, and bin/testbed may be built anew meanwhile.
PATH=$kept/bin:$PATH
lab=$kept/lab.hcl
tree=$folder/linux   # Built in place.
second=$folder/second # Built into $folder/leaky, with kmemleak.
# The same source is the same kernel, to the byte, and is measured once.
export KBUILD_BUILD_TIMESTAMP=2026-01-01 KBUILD_BUILD_VERSION=1

# once NAME COMMAND... runs it until it went well once, and keeps how long that took.
once() {
	name=$1
	shift
	[ ! -e "$name.seconds" ] || return 0
	echo "built: $(basename "$name")" >&2
	began=$(date +%s)
	set +e # For "set -e" to hold below.
	(set -e && "$@") >"$name.out" 2>"$name.log"
	status=$?
	set -e
	[ "$status" -eq 0 ] || {
		tail -n 30 "$name.out" "$name.log" >&2
		fail "$(basename "$name") went wrong: $name.log"
	}
	echo $(($(date +%s) - began)) >"$name.seconds"
}

# source_tree makes a repository of the source as Debian has it, and of the mbox's commits.
source_tree() {
	rm -rf "$tree" "$folder/linux-source-$series"
	tar -C "$folder" -xf "$source"
	mv "$folder/linux-source-$series" "$tree"
	cd "$tree"
	git init -q -b master
	git config core.compression 0
	git config gc.auto 0
	git config user.name 'A Developer'
	git config user.email dev@example.invalid
	git add -f -A # Debian's own .gitignore leaves all of it out.
	git commit -q -m "Linux $package"
	git tag good
	git am -q --committer-date-is-author-date "$here/scripts/proofs/built.mbox"
	git tag bad
	git checkout -q good
	git worktree add -q --detach "$second" good
	mkdir -p "$folder/leaky"
}

# asked KMEMLEAK has doctor hold .config against the lab.
asked() { testbed doctor --config .config --var "tree=$tree" --var "kmemleak=$1" "$lab"; }

# merged SOURCE KMEMLEAK adds what the lab needs to tinyconfig, which doctor takes only then.
merged() {
	status=0
	asked "$2" >"$kept/bare" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "doctor takes tinyconfig: status $status"
	testbed kernel config --fragment --var "tree=$tree" --var "kmemleak=$2" "$lab" >lab.config
	"$1/scripts/kconfig/merge_config.sh" .config lab.config
	asked "$2"
}

# at COMMIT builds the tree at that commit; leaky_at builds the one with kmemleak.
at() {
	cd "$tree"
	git checkout -q "$1"
	nice make -s -j "$(nproc)"
}
leaky_at() {
	cd "$second"
	git checkout -q "$1"
	nice make -s -C ../leaky -j "$(nproc)"
}

plain() {
	cd "$tree"
	git bisect reset
	make -s tinyconfig
	merged "$tree" false
	at good
}
leaky() {
	cd "$second"
	git bisect reset
	make -s O="$folder/leaky" tinyconfig
	cd "$folder/leaky"
	merged "$second" true
	"$second/scripts/config" -e MODULES -m VETH -m BRIDGE -m MACVLAN -m NF_TABLES -m NF_CONNTRACK -m NFT_NAT -m NFT_MASQ -m NF_CT_NETLINK
	make -s olddefconfig
	asked true
	leaky_at good
}

# measured NAME TREE VARIABLE... runs the lab on it.
measured() {
	to=$1 of=$2
	shift 2
	rm -rf "$to"
	testbed run --var "tree=$of" "$@" --out "$to" "$lab"
}
lost_at() {
	leaky_at "$1"
	measured "$kept/lost-$1" "$folder/leaky" --var kmemleak=true
}

build="nice make -s -j $(nproc)"
end() {
	at "$1"
	testbed bisect-step --max-regression 0.5% --state "$kept/step" --tree . --var "tree=$tree" --as "$1" "$lab"
}
longer() {
	cd "$tree"
	git bisect start bad good
	git bisect run testbed bisect-step --max-regression 0.5% --state "$kept/step" --tree . --build "$build" --var "tree=$tree" "$lab"
}

# What git asks of a commit that may leak.
cat >"$kept/bin/keeps-its-memory" <<'SH'
#!/bin/sh
nice make -s -C ../leaky -j "$(nproc)" || exit 125
rm -rf ../leaks
testbed run --var "tree=$PWD/../leaky" --var kmemleak=true --out ../leaks "$1" || exit 125
jq -e 'all(.tests[].modes[].leaks; .status == "ok" and .found == [])' ../leaks/result.json
SH
chmod +x "$kept/bin/keeps-its-memory"
loses() {
	cd "$second"
	git bisect start bad good
	git bisect run keeps-its-memory "$lab"
}

# What the results say.
first() { sed -n '/is the first bad commit/,$ s/^    \(.*\)/\1/p' "$1.out" | head -n 1; }
asks() { cat "$1.out" "$1.log" | grep -c '^running'; }
figures() { jq -r '.tests[0].modes[] | "| \(.name) | \(.p50.estimate | round) | \(.mean.estimate | round) |"' "$1/result.json"; }
lost() { jq -r '[.tests[].modes[] | .name as $mode | .leaks | if .status == "ok" then .found[] | "\($mode): \(.frames[0])" else "\($mode): \(.status)" end] | join(", ")' "$1/result.json"; }
told() { sed -n '/^kmemleak/p; /kmemleak: client lost/,/^report/p' "$1.out" | sed '/^report/d'; }
decisions() { grep -E '^(good|bad|skipped): |^[a-z0-9]+( in tcp_rr)?: ' "$1.out" | grep -v '^running'; }
took() { cat "$1.seconds"; }

once "$folder/source" source_tree
once "$kept/plain" plain
once "$kept/modes" measured "$kept/modes" "$tree"
once "$kept/good" end good
once "$kept/bad" end bad
once "$kept/longer" longer
once "$kept/leaky" leaky
once "$kept/lost-good" lost_at good
once "$kept/lost-bad" lost_at bad
once "$kept/loses" loses

longer=$(first "$kept/longer") loses=$(first "$kept/loses") clean=$(lost "$kept/lost-good") leaking=$(lost "$kept/lost-bad")
cat <<PAGE
# A kernel built from source

Debian's source of Linux $series ($package) as a git repository, tagged \`good\`, and the
eight commits of \`scripts/proofs/built.mbox\` on it, the last tagged \`bad\`. One makes TCP's
path longer, one has macvlan leave its port behind when its last device goes, one does not
build; the others change comments and files of /proc. The lab is
\`internal/e2e/testdata/built.hcl\`: host, docker0 and macvlan, on the backend icount.

## Its configuration

Nothing but what the lab needs:

    make tinyconfig
    testbed kernel config --fragment --var tree=\$PWD lab.hcl > lab.config
    scripts/kconfig/merge_config.sh .config lab.config
    testbed doctor --config .config --var tree=\$PWD lab.hcl

Of \`tinyconfig\` alone \`doctor\` says \`missing\`, and ends with 1. Of the merged one:

\`\`\`text
$(sed -n '/^\(ok\|missing\) /p' "$kept/plain.out")
\`\`\`

## Its modes

    testbed run --var tree=\$PWD lab.hcl

| mode | p50, instructions | mean |
| :-- | --: | --: |
$(figures "$kept/modes")

## The commit that made it longer

    git checkout good && make && testbed bisect-step lab.hcl --var tree=\$PWD --tree . --as good
    git checkout bad && make && testbed bisect-step lab.hcl --var tree=\$PWD --tree . --as bad
    git bisect start bad good
    git bisect run testbed bisect-step lab.hcl --var tree=\$PWD --tree . \\
      --build '$build' --max-regression 0.5%

git asked $(asks "$kept/longer") times, and names **$longer**, in $(took "$kept/longer") s, its builds
among them:

\`\`\`text
$(decisions "$kept/longer")
\`\`\`

## The commit that leaks

The same source with the fragment of \`--var kmemleak=true\` (CONFIG_DEBUG_KMEMLEAK), and
with the modes' devices as modules, built into a folder of its own (\`make O=../leaky\`):

    testbed run --var tree=\$PWD/../leaky --var kmemleak=true lab.hcl

At \`good\`: **${clean:-nothing}**; at \`bad\`:

\`\`\`text
$(told "$kept/lost-bad")
\`\`\`

\`git bisect run\` with the question of [nightly.md](../nightly.md#all-of-it-once) asked
$(asks "$kept/loses") times, and names **$loses**, in $(took "$kept/loses") s.

All of it, two builds of a kernel among it ($(took "$kept/plain") s and $(took "$kept/leaky") s), took
$(cat "$folder"/*.seconds "$kept"/*.seconds | awk '{ n += $1 } END { print n }') s.
PAGE
[ "$longer" = 'tcp: look over the room for options' ] && [ "$loses" = 'macvlan: leave the port when its last device goes' ] &&
	[ -z "$clean" ] && [ "$leaking" = 'macvlan: macvlan_common_newlink [macvlan]' ]
