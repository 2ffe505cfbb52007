package kconfig

import (
	"slices"
	"strings"
)

// requires are the options that have to be set before Kconfig lets one be: menus
// that a person opens, and no more; what an option selects comes by itself. Options
// not listed need nothing beyond what a guest boots with. From the Kconfig files of
// Linux 6.12; a test sees that Debian's configurations of 6.12 and 7 agree.
var requires = map[string][]string{
	"CONFIG_VETH": device, "CONFIG_BRIDGE": inet, "CONFIG_MACVLAN": device, "CONFIG_NETKIT": slices.Concat(bpf, device),
	"CONFIG_IPVLAN": slices.Concat(netfilter, device), "CONFIG_IPVLAN_L3S": slices.Concat(netfilter, device),
	"CONFIG_VXLAN": device, "CONFIG_GENEVE": device, "CONFIG_WIREGUARD": device,

	"CONFIG_NF_TABLES_IPV4": tables, "CONFIG_NFT_NAT": tables, "CONFIG_NFT_MASQ": tables, "CONFIG_NFT_CT": tables,
	"CONFIG_NF_CONNTRACK": netfilter, "CONFIG_NF_CT_NETLINK": tracked,
	"CONFIG_IP_VS": tracked, "CONFIG_IP_VS_RR": tracked, "CONFIG_IP_VS_NFCT": tracked,
	"CONFIG_IP_VS_PROTO_TCP": tracked, "CONFIG_IP_VS_PROTO_UDP": tracked,
	"CONFIG_BRIDGE_NETFILTER": slices.Concat(netfilter, []string{"CONFIG_BRIDGE"}), "CONFIG_MPLS_ROUTING": slices.Concat(inet, []string{"CONFIG_MPLS"}),

	"CONFIG_BPF_SYSCALL": bpf, "CONFIG_NET_CLS_BPF": slices.Concat(bpf, scheduler), "CONFIG_NET_SCH_INGRESS": scheduler,
	"CONFIG_NET_RX_BUSY_POLL":      {"CONFIG_NET"},
	"CONFIG_FUNCTION_GRAPH_TRACER": tracer, "CONFIG_DYNAMIC_FTRACE": tracer,

	"CONFIG_VIRTIO_PCI": virtio, "CONFIG_VIRTIO_NET": slices.Concat(virtio, device), "CONFIG_VIRTIO_BLK": slices.Concat(virtio, []string{"CONFIG_BLOCK", "CONFIG_BLK_DEV"}),
	"CONFIG_HW_RANDOM_VIRTIO": slices.Concat(virtio, []string{"CONFIG_HW_RANDOM"}), "CONFIG_EROFS_FS": {"CONFIG_BLOCK", "CONFIG_MISC_FILESYSTEMS"},
	"CONFIG_TMPFS": {"CONFIG_SHMEM"}, "CONFIG_SYSCTL": {"CONFIG_PROC_FS", ProcSysctl},
	"CONFIG_KALLSYMS_ALL": {"CONFIG_KALLSYMS"}, "CONFIG_DEBUG_KMEMLEAK": {"CONFIG_DEBUG_KERNEL"},
}

// ProcSysctl is what a person sets up to 6.x to have CONFIG_SYSCTL; 7.3 has it no more.
const ProcSysctl = "CONFIG_PROC_SYSCTL"

var (
	inet      = []string{"CONFIG_NET", "CONFIG_INET"}
	device    = slices.Concat(inet, []string{"CONFIG_NETDEVICES", "CONFIG_NET_CORE"})
	netfilter = slices.Concat(inet, []string{"CONFIG_NETFILTER", "CONFIG_NETFILTER_ADVANCED"})
	tracked   = slices.Concat(netfilter, []string{"CONFIG_NF_CONNTRACK"})
	tables    = slices.Concat(tracked, []string{"CONFIG_NF_TABLES", "CONFIG_NF_TABLES_INET"})
	qdisc     = slices.Concat(inet, []string{"CONFIG_NET_SCHED"})
	scheduler = slices.Concat(qdisc, []string{"CONFIG_NET_CLS_ACT"})
	bpf       = []string{"CONFIG_BPF_SYSCALL"}
	tracer    = []string{"CONFIG_FTRACE", "CONFIG_FUNCTION_TRACER"}
	virtio    = []string{"CONFIG_PCI", "CONFIG_VIRTIO_MENU"}
)

func requirements(option string) []string {
	if all, is := requires[option]; is || !strings.HasPrefix(option, qdiscPrefix) {
		return all
	}
	return qdisc
}

// withRequired are options with all that they require, each once, what is required
// first.
func withRequired(options []string) []string {
	var all []string
	for _, option := range options {
		for _, one := range slices.Concat(requirements(option), []string{option}) {
			if !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all
}
