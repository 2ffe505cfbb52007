package kconfig

// What a guest of ours needs before it can say anything, in groups.
var (
	Processor = Feature{"a processor of 64 bits", "CONFIG_64BIT with CONFIG_X86_64", "", ""}
	Initramfs = Feature{"an initramfs", "CONFIG_BLK_DEV_INITRD", "", ""}
	Programs  = Feature{"programs", "CONFIG_BINFMT_ELF with CONFIG_BINFMT_SCRIPT with CONFIG_MULTIUSER", "", ""}
	Calls     = Feature{"system calls", "CONFIG_FUTEX with CONFIG_EPOLL with CONFIG_EVENTFD with CONFIG_SIGNALFD with CONFIG_TIMERFD with CONFIG_POSIX_TIMERS with CONFIG_FILE_LOCKING with CONFIG_FHANDLE with CONFIG_INOTIFY_USER with CONFIG_ADVISE_SYSCALLS", "", ""}
	Timers    = Feature{"timers of high resolution", "CONFIG_HIGH_RES_TIMERS", "", ""}
	Console   = Feature{"a console", "CONFIG_PRINTK with CONFIG_TTY with CONFIG_SERIAL_8250 with CONFIG_SERIAL_8250_CONSOLE", "", ""}
	Terminals = Feature{"terminals", "CONFIG_UNIX98_PTYS", "", ""}
	Trees     = Feature{"file systems of the kernel's own", "CONFIG_PROC_FS with CONFIG_SYSFS with CONFIG_DEVTMPFS with CONFIG_TMPFS", "", ""}
	Sysctls   = Feature{"sysctls", "CONFIG_SYSCTL", "", ""}
	// Power is also how interrupts find their way on the machine type q35.
	Power     = Feature{"ACPI and PCI", "CONFIG_ACPI with CONFIG_PCI", "", ""}
	VirtioPCI = Feature{"virtio devices", "CONFIG_VIRTIO_PCI", "virtio_pci", ""}
	VirtioNet = Feature{"virtio NICs", "CONFIG_VIRTIO_NET", "virtio_net", ""}
	VirtioRNG = Feature{"virtio-rng", "CONFIG_HW_RANDOM_VIRTIO", "virtio_rng", ""}
	SMP       = Feature{"several processors", "CONFIG_SMP", "", ""}
	// SMBIOS carries the seed of a counted guest.
	SMBIOS = Feature{"SMBIOS", "CONFIG_DMI", "", ""}
)

// Modules is the option of kernels that can load modules.
const Modules = "CONFIG_MODULES"

// What the packages that an image adds are read from and laid over.
var (
	VirtioDisk = Feature{"virtio disks", "CONFIG_VIRTIO_BLK", "virtio_blk", ""}
	Erofs      = Feature{"erofs", "CONFIG_EROFS_FS", "erofs", "5.4"}
	Overlay    = Feature{"overlay file systems", "CONFIG_OVERLAY_FS", "overlay", ""}
)

// Booted is what a guest of any backend needs to run its programs.
func Booted() []Feature {
	return []Feature{Processor, Initramfs, Programs, Calls, Timers, Console, Terminals, Trees, Sysctls, Power, Sockets, Namespaces}
}

// ModuleSysctls are features whose sysctls are there only with them, by the
// beginning of the sysctls' names.
var ModuleSysctls = map[string]Feature{
	"net.bridge.":    {"sysctls of bridges", "CONFIG_BRIDGE_NETFILTER", "br_netfilter", ""},
	"net.netfilter.": {"connection tracking", "CONFIG_NF_CONNTRACK", "nf_conntrack", ""},
	"net.mpls.":      {"MPLS", "CONFIG_MPLS_ROUTING", "mpls_router", ""},
}
