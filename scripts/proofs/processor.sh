#!/bin/sh
# A counted lab gives the same bytes on another processor: QEMU itself runs on an emulated
# Intel Nehalem of 2008, without AVX and BMI, so that it translates the guest's code to
# other instructions.
# inputs: internal/e2e/testdata/counted.hcl guestagent guestinit internal/payload internal/run provision/icount provision/libvirt
set -eu
cd "$(dirname "$0")/../.."

processor=Nehalem
work=$(mktemp -d)
user=$(id -un)
# The system's libvirt is everybody's; a session's is started with our own PATH, and not
# as root.
as=
[ "$user" != root ] || as='setpriv --reuid nobody --clear-groups'
finish() {
	for pid in "$work"/*/run/libvirt/libvirtd.pid; do
		[ ! -e "$pid" ] || kill "$(cat "$pid")" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap finish EXIT

fail() { echo "processor: $1" >&2 && exit 1; }

qemu=$(command -v qemu-system-x86_64) || fail "no qemu-system-x86_64: scripts/setup installs it"
command -v qemu-x86_64 >/dev/null || fail "no qemu-x86_64: scripts/setup --prove installs it"

mkdir "$work/bin"
cat >"$work/bin/qemu-system-x86_64" <<END
#!/bin/sh
# Libvirt starts it without a guest too, to learn what it can: that is no figure.
case " \$* " in
*" -icount "*) ;;
*) exec $qemu "\$@" ;;
esac
n=\$#
while [ "\$n" -gt 0 ]; do # Its filter of system calls would not let an emulator live.
	case \$1 in
	-sandbox) shift 2 && n=\$((n - 2)) && continue ;;
	esac
	set -- "\$@" "\$1" && shift && n=\$((n - 1))
done
echo "\$\$" >>$work/emulated
exec qemu-x86_64 -cpu $processor $qemu "\$@"
END
chmod 755 "$work" "$work/bin/qemu-system-x86_64"
cp bin/testbed "$work/testbed"
sed 's/LAB/processor/; s/TRANSACTIONS/500/' internal/e2e/testdata/counted.hcl >"$work/lab.hcl"

count() { # FOLDER PATH
	mkdir -p "$work/$1/run" && chmod 700 "$work/$1/run"
	[ -z "$as" ] || chown -R nobody "$work"
	echo "processor: $1" >&2
	$as env HOME="$work" XDG_CACHE_HOME="$work/cache" XDG_RUNTIME_DIR="$work/$1/run" XDG_CONFIG_HOME="$work/$1/config" \
		XDG_STATE_HOME="$work/$1/state" XDG_DATA_HOME="$work/$1/data" PATH="$2" \
		"$work/testbed" --connect qemu:///session run "$work/lab.hcl" --out "$work/$1/result" >"$work/$1/log" 2>&1 || {
		cat "$work/$1/log" >&2
		exit 1
	}
}
count here "$PATH"
[ ! -e "$work/emulated" ] || fail 'the first run was emulated already'
count there "$work/bin:$PATH"
[ -e "$work/emulated" ] || fail 'the second run was not emulated'
cmp "$work/here/result/blocks.jsonl" "$work/there/result/blocks.jsonl" || fail "the blocks differ"

figures=$(jq -r '.tests[0].modes[] | "| \(.name) | \(.p50.estimate * 100 | round | . / 100) | \(.mean.estimate * 100 | round | . / 100) |"' "$work/there/result/result.json")

cat <<END
# A counted lab repeats on another processor

\`bin/testbed run LAB\` with the lab of \`internal/e2e/testdata/counted.hcl\` and 500
transactions a block, once on this machine's processor and once with QEMU itself on an emulated
Intel $processor of 2008 (\`qemu-x86_64 -cpu $processor\`, $(qemu-x86_64 --version | sed -n '1s/.* version \([^ ]*\).*/QEMU \1/p')), which has neither AVX nor BMI: QEMU
translates the guest's code to other instructions there. Both have the same \`blocks.jsonl\`,
to the byte: every histogram, minimum, mean and count by function.

| mode | p50, instructions | mean |
| :-- | --: | --: |
$figures
END
