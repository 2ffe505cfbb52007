package hcl

// The blocks that machines are made from.

var labBlock = &block{
	name: "lab", label: "name", once: true,
	doc: "The experiment as a whole. Exactly one. The name has lower-case letters, digits and hyphens, 40 at most.",
	attributes: []attribute{
		{name: "description", kind: text, doc: "One line for the report."},
		{name: "seed", kind: integer, fallback: "1", max: 1<<62 - 1, doc: "Orders blocks and resamples; the same seed, the same order."},
		{name: "backend", kind: text, fallback: `"libvirt"`, oneOf: []string{"libvirt", "local", "icount"},
			doc: "What machines are made of: virtual machines, namespaces of this kernel, or one guest that counts instructions. With `\"local\"` all machines run this one kernel, so they have one image (which is not booted), no memory size, and of sysctls only those that a network namespace has (most of `net.`). With `\"icount\"` the machines of a cell share one guest of one processor, likewise; `transactions` and `seeds` hold in place of `block`, `rounds` and `boots`. `--backend` wins over it."},
		{name: "connect", kind: libvirtURI, doc: "Which libvirt, such as `\"qemu:///session\"`, or `\"qemu+ssh://user@host/system\"` for that of another computer, which your own `ssh` reaches as it does a `machine`. Default: the one that this user can use."},
		{name: "mirror", kind: mirrorURL, doc: "Debian mirror. Default: the one of this machine's apt."},
		{name: "boots", kind: integer, fallback: "1", min: 1, max: 1000, doc: "How often the machines are booted and everything is measured, `rounds` rounds each time. With `precision`, the least; each further boot is as many rounds more."},
		{name: "seeds", kind: integer, fallback: "1", min: 1, max: 1000, doc: "On the backend `icount`, how many times the guest is booted, each time with another source of what it takes for random: hash seeds, ports. The same seed repeats to the last digit."},
	},
	blocks: []*block{voidBlock},
}

// voidBlock's defaults let pass what a quiet machine does by itself:
//   - Steal is counted in ticks of 10 ms, of which the last is not certain. The
//     default voids a block of 250 ms from the third tick on.
//   - A thread that is alone on its CPU is hardly ever made to yield: at most 17
//     times in some 770 transactions of a guest under TCG, mostly twice. Where both
//     ends share a CPU, as namespaces of a small machine do, whoever is woken may
//     preempt who woke it: measured 20 to 56 times in 100 transactions, and no
//     interference. And a guest under TCG whose host is overloaded does a handful of
//     transactions in a block and is preempted as often: 10% voided most of
//     such blocks, and ended their tests.
//   - One lost segment may be sent twice more: as a probe (RFC 8985), and when
//     its time is over.
//   - The two clocks are not read at once, and a guest may be stopped in between
//     for a few ms. A step worth the name is longer.
var voidBlock = &block{
	name: "void", once: true,
	doc: "Which blocks do not count, declared before any is measured: those with more interference than this, at either end. They are listed with the figure, and never replaced.",
	attributes: []attribute{
		{name: "steal", kind: shareLimit, fallback: `"5%"`, max: 100, doc: "Share of a block's time for which the hypervisor took a CPU away; 100% at most."},
		{name: "involuntary", kind: shareLimit, fallback: `"100%"`, doc: "Context switches that the measuring thread did not ask for, for each transaction; more than 100% is more than one."},
		{name: "retransmits", kind: countLimit, fallback: "2", max: 1000000000, doc: "TCP segments sent again."},
		{name: "clock_step", kind: durationLimit, fallback: `"10ms"`, doc: "How far the wall clock was set, in either direction."},
	},
}

var imageBlock = &block{
	name: "image", label: "name", iterates: "for_each",
	doc: "What a VM boots: a kernel and a user land. Needs one of `release`, `kernel_version`, `kernel`, `tree` and `deb`. The same in all cells, so it cannot use `matrix`.",
	attributes: []attribute{
		{name: "release", kind: suite, doc: "Debian suite that the kernel comes from, such as `\"trixie\"` or `\"bookworm-backports\"`."},
		{name: "kernel_version", kind: text, doc: "Which kernel of the release, by its package's version or what `uname -r` says. Default: the newest. Without a release it is looked for in bookworm, trixie and their backports, and may be the beginning of a version (`\"6.12\"`: the newest 6.12); `kernels()` lists them."},
		{name: "kernel", kind: file, doc: "A kernel of your own (bzImage), relative to the lab file."},
		{name: "modules", kind: file, doc: "Its `lib/modules/VERSION` folder. Default: none, for a kernel that has all built in."},
		{name: "tree", kind: file, doc: "A kernel tree that you have built (`make -j8`), such as `\"~/src/linux\"`, or the folder that `O=` named. Its `arch/x86/boot/bzImage` and what its `modules_install` gives go into the cache; the tree stays as it is."},
		{name: "deb", kind: file, doc: "A kernel's Debian package with its modules, such as the `linux-image-….deb` that `make bindeb-pkg` makes."},
		{name: "userland", kind: suite, fallback: `"trixie"`, doc: "Debian suite of the tools in the guest, whatever the kernel."},
		{name: "cmdline", kind: text, doc: "Added to the kernel's command line."},
		{name: "mirror", kind: mirrorURL, doc: "Debian mirror for this image. Default: the lab's."},
		{name: "allow_expired", kind: boolean, fallback: "false", doc: "Accept an archive index past its Valid-Until; the lock file records it."},
		{name: "packages", kind: textList, doc: "Debian packages to add, such as `[\"podman\"]`, with all that they depend on, from the suite of `userland`. They come on a read-only disk that is laid over the tools; their maintainer scripts are not run."},
		forEach(),
	},
}

var networkBlock = &block{
	name: "network", label: "name",
	doc: "One L2 segment that machines share. Addresses are given out by testbed: machines from .1, their containers from .101 where that many fit.",
	attributes: []attribute{
		{name: "subnet", kind: subnet, required: true, doc: "Such as `\"10.77.0.0/24\"`. Two addresses for each NIC have to fit."},
		{name: "mtu", kind: integer, fallback: "1500", min: 576, max: 65535, doc: "Bytes in a packet."},
		{name: "connect", kind: libvirtURI, doc: "The hypervisor that it and its VMs are on, as the lab's. Default: the lab's."},
		{name: "bridge", kind: text, doc: "A bridge that exists, such as `\"br0\"`, in place of one that is made: on each hypervisor, where the VMs run on several. What else is on it is measured along."},
	},
}

var vmBlock = &block{
	name: "vm", label: "name", iterates: "count",
	doc: "A virtual machine. The name is its host name. With `count`, `vm.NAME` is a list and the machines are `NAME-0`, `NAME-1`, ….",
	attributes: []attribute{
		{name: "image", kind: reference, required: true, to: []string{"image"}, doc: "What it boots."},
		{name: "cpus", kind: integer, fallback: "1", min: 1, max: 256, doc: "Virtual CPUs."},
		{name: "memory", kind: memory, fallback: `"384MiB"`, doc: "MiB or GiB; 128MiB at least."},
		{name: "sysctl", kind: textMap, fallback: "{}", doc: "Kernel settings, such as `{ \"net.core.busy_read\" = \"50\" }`."},
		{name: "setup", kind: text, doc: "Shell commands that the machine runs as root, once, when it has booted (`sh -e`). One that fails fails the boot, with what it said."},
		{name: "count", kind: integer, min: 1, max: 64, doc: "That many alike; `count.index` in the block is the number of each, from 0."},
		{name: "connect", kind: libvirtURI, doc: "The hypervisor that runs it. Default: that of its network, or the lab's. VMs of one network run on one, unless the network has a `bridge`. On the backend `icount` the lab's holds for all."},
	},
	blocks: []*block{nicBlock},
}

var nicBlock = &block{
	name: "nic",
	doc:  "An interface of the VM: the first is `eth1`, the next `eth2`. (The way in for SSH is a NIC apart, and not measured.)",
	attributes: []attribute{
		{name: "network", kind: reference, required: true, to: []string{"network"}, doc: "The segment it is on."},
		{name: "address", kind: address, doc: "Its address in the subnet. Default: the next free one."},
	},
}

var machineBlock = &block{
	name: "machine", label: "name",
	doc: "A computer that exists, reached by your own `ssh` with its known hosts, agent keys and configuration (`TESTBED_SSH` replaces the command). It stands wherever a VM does; a lab has either the one or the other. Needs root or passwordless `sudo` there, and leaves everything as it was.",
	attributes: []attribute{
		{name: "ssh", kind: text, required: true, doc: "`\"user@host\"` or `\"user@host:22\"`, or a host of your `ssh_config`."},
		{name: "nic", kind: text, required: true, doc: "The interface that is measured, such as `\"eth1\"`. It is set up and given its address where that is missing."},
		{name: "network", kind: reference, to: []string{"network"}, doc: "The segment it is on. Default: the only one."},
		{name: "address", kind: address, doc: "Its address there. Default: the next free one."},
		{name: "share", kind: boolean, fallback: "false", doc: "Allow the NIC that carries SSH or the default route, and only modes that cannot cut it off: no veth with uplink `l2`, no macvlan `passthru`, no delay."},
	},
}
