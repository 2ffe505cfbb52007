#!/bin/sh
# Kernels that fail, each in its own way, are cells of a matrix that is whole otherwise.
# inputs: internal/e2e/testdata/broken.hcl guestagent guestinit internal/run internal/payload provision report/failed.go report/matrix.go report/terminal.go
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "broken-kernels: $1" >&2 && exit 1; }

# A kernel of this Debian's, and what a module of it is built with; nothing is installed.
headers=$(apt-cache pkgnames linux-headers- | grep -E '^linux-headers-[0-9]+[.][0-9]+[.][0-9]+-[0-9]+-cloud-amd64$' | sort -V | tail -n 1)
[ -n "$headers" ] || headers=$(apt-cache pkgnames linux-headers- | grep -E '^linux-headers-[0-9]+[.][0-9]+[.][0-9]+.*-cloud-amd64$' | sort -V | tail -n 1)
[ -n "$headers" ] || fail "apt knows no kernel's headers: apt-get update"
version=${headers#linux-headers-}
needs=$(apt-cache depends "$headers" | sed -n 's/^  Depends: \(linux-.*\(common\|kbuild\).*\)$/\1/p')
# shellcheck disable=SC2086 # One word a package.
(cd "$work" && apt-get -q download "linux-image-$version" "$headers" $needs) >"$work/log" 2>&1 || {
	cat "$work/log" >&2
	exit 1
}
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
tree=$work/root/usr/src/$headers
sed -i "s,/usr/src/,$work/root/usr/src/," "$tree/Makefile"

# hangs DOING prints a module called ipvlan that never returns: from its load, or from
# making a link, when it holds the lock of all devices.
hangs() {
	echo '#include <linux/completion.h>
#include <linux/module.h>
#include <net/rtnetlink.h>
static DECLARE_COMPLETION(never);'
	if [ "$1" = load ]; then
		echo 'static int __init start(void) { wait_for_completion(&never); return 0; }'
	else
		echo 'static int newlink(struct net *n, struct net_device *d, struct nlattr *a[], struct nlattr *b[], struct netlink_ext_ack *e)
{ wait_for_completion(&never); return 0; }
static void setup(struct net_device *d) { }
static struct rtnl_link_ops ops = { .kind = "ipvlan", .setup = setup, .newlink = newlink };
static int __init start(void) { return rtnl_link_register(&ops); }'
	fi
	echo 'module_init(start);
MODULE_LICENSE("GPL");
MODULE_ALIAS_RTNL_LINK("ipvlan");'
}

cp "$work/root/boot/vmlinuz-$version" "$work/vmlinuz"
good=$(find "$work/root" -type d -path "*/lib/modules/$version")
cp -r "$good" "$work/good"
cp -r "$good" "$work/lacks-ipvlan"
rm "$work/lacks-ipvlan"/kernel/drivers/net/ipvlan/ipv*.ko* # ipvtap needs it.

# cells DOING runs the lab with a kernel that hangs so, and fails where a cell is not what
# its kernel makes it.
cells() {
	mkdir -p "$work/$1"
	hangs "$1" >"$work/$1/ipvlan.c"
	echo 'obj-m := ipvlan.o' >"$work/$1/Makefile"
	make -C "$tree" M="$work/$1" CC=gcc modules >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		exit 1
	}
	rm -rf "$work/hangs" "$work/lab.lock.hcl"
	cp -r "$good" "$work/hangs"
	rm "$work/hangs"/kernel/drivers/net/ipvlan/ipvlan.ko*
	cp "$work/$1/ipvlan.ko" "$work/hangs/kernel/drivers/net/ipvlan/"
	status=0
	bin/testbed run --backend icount "$work/lab.hcl" --out "$work/$1/result" >"$work/$1/out" 2>"$work/$1/log" || status=$?
	[ "$status" -eq 1 ] || fail "exit status $status, not 1"
	jq -e '[.tests[] | {(.cell.kernel): [.modes[].status] | join(" ")}] | add == {
			"good": "ok ok ok", "panics": "failed failed failed", "hangs": "failed failed failed",
			"lacks-ipvlan": "ok ok unsupported", "bare": "failed failed failed"
		}' "$work/$1/result/result.json" >/dev/null || fail "a cell is not as it should be: $(cat "$work/$1/out")"
	jq -e '[.crashes[] | {(.cell.kernel): [.hung // false, (.frames | length) > 0, .console != ""]}] | add == {
			"panics": [false, true, true], "hangs": [true, true, true]
		}' "$work/$1/result/result.json" >/dev/null || fail "the crashes are others: $(jq -c .crashes "$work/$1/result/result.json")"
}

# told prints what the terminal has of what failed, and of the matrix.
told() { sed -n '/^what failed/,/^tcp_rr  kernel/p' "$work/$1/out" | sed '$d'; }

# hung prints how the kernel that hangs failed.
hung() { jq -r '.crashes[] | select(.hung) | .complaint + " in " + (.frames | join(" < "))' "$work/$1/result/result.json"; }

sed 's/LAB/broken-kernels/; s/rounds       = 2/transactions = 200/' internal/e2e/testdata/broken.hcl >"$work/lab.hcl"
cells newlink
cells load
cat <<END
# Kernels that fail are cells

The lab \`internal/e2e/testdata/broken.hcl\` has five kernels in its matrix, all made of
Debian's $version: as it is; with a command line by which it panics at boot; with a
module \`ipvlan\` that never returns from its load; without that module; and without any.
Three modes, counted:

    bin/testbed run --backend icount LAB

The exit status is 1, and what is told is

\`\`\`text
$(told load)
\`\`\`

With a module that never returns from making a link, when nobody gets at any device any
more, the same, and

\`\`\`text
$(hung newlink)
\`\`\`
END
