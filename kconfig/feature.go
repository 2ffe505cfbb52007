// Package kconfig names what Testbed needs of a Linux kernel: features, each with
// the options of the kernel's configuration that bring it, the module that it may
// be, and the release since which Linux has it. It reads a configuration and says
// what it lacks. It knows no lab and looks at no running kernel.
//
// Invariant: what an agent says that a kernel lacks, and what a lab is said to need,
// are one table, this one.
package kconfig

import (
	"slices"
	"strings"
)

// Feature is something that a kernel has or lacks.
type Feature struct {
	Name           string // Such as "ipvlan".
	Config         string // Such as "CONFIG_IPVLAN"; several are joined by " with ".
	Module         string // Such as "ipvlan". Empty where it cannot be a module.
	MinimumVersion string // The release that introduced it. Optional.
}

// Options are the feature's own options, without CONFIG_'s other needs. A feature
// that has none of its own is there by its version alone.
func (f Feature) Options() []string {
	var all []string
	for _, option := range strings.Split(f.Config, " with ") {
		if strings.HasPrefix(option, prefix) {
			all = append(all, option)
		}
	}
	return all
}

// Beginnings of the names of all options, and of those of queueing disciplines.
const (
	prefix      = "CONFIG_"
	qdiscPrefix = "CONFIG_NET_SCH_"
)

// Links. Versions: kernelnewbies.org/LinuxChanges and the commits that added the
// kinds.
var (
	Veth      = Feature{"veth", "CONFIG_VETH", "veth", ""}
	Bridge    = Feature{"bridge", "CONFIG_BRIDGE", "bridge", ""}
	Macvlan   = Feature{"macvlan", "CONFIG_MACVLAN", "macvlan", "3.9"}
	Ipvlan    = Feature{"ipvlan", "CONFIG_IPVLAN", "ipvlan", "3.19"}
	IpvlanL3S = Feature{"ipvlan mode l3s", "CONFIG_IPVLAN_L3S", "", "4.9"}
	Vxlan     = Feature{"vxlan", "CONFIG_VXLAN", "vxlan", "3.7"}
	Geneve    = Feature{"geneve", "CONFIG_GENEVE", "geneve", "3.18"}
	Wireguard = Feature{"wireguard", "CONFIG_WIREGUARD", "wireguard", "5.6"}
	Netkit    = Feature{"netkit", "CONFIG_NETKIT", "", "6.7"}
	Scrub     = Feature{"netkit scrub", "CONFIG_NETKIT", "", "6.12"}
	// IpvlanFlags have no option of their own: they are part of ipvlan since then.
	IpvlanFlags = Feature{"ipvlan flags", "CONFIG_IPVLAN", "ipvlan", "4.15"}
)

// Packets on their way.
var (
	Tables       = Feature{"nf_tables", "CONFIG_NF_TABLES_IPV4", "nf_tables", "3.13"}
	NAT          = Feature{"nft chains of type nat", "CONFIG_NFT_NAT", "nft_chain_nat", "3.13"}
	Masquerade   = Feature{"nft masquerade", "CONFIG_NFT_MASQ", "nft_masq", "3.18"}
	TrackedState = Feature{"nft matches of connections", "CONFIG_NFT_CT", "nft_ct", "3.13"}
	Conntrack    = Feature{"the table of connections", "CONFIG_NF_CT_NETLINK", "nf_conntrack_netlink", ""}
	IPVS         = Feature{"IPVS", "CONFIG_IP_VS", "ip_vs", ""}
	IPVSPaths    = Feature{"what IPVS does with TCP and UDP, and with connection tracking", "CONFIG_IP_VS_PROTO_TCP with CONFIG_IP_VS_PROTO_UDP with CONFIG_IP_VS_NFCT", "", ""}
	IPVSRR       = Feature{"IPVS scheduler rr", "CONFIG_IP_VS_RR", "ip_vs_rr", ""}
	// RedirectPeer came together with bpf_redirect_neigh.
	RedirectPeer = Feature{"bpf_redirect_peer", "CONFIG_NET_CLS_BPF with CONFIG_BPF_SYSCALL", "cls_bpf", "5.10"}
	Clsact       = Feature{"clsact", "CONFIG_NET_SCH_INGRESS", "sch_ingress", "4.5"}
	// Netem has no minimum version: it is older than all kernels that boot here.
	Netem        = Feature{"netem", "CONFIG_NET_SCH_NETEM", "sch_netem", ""}
	ThreadedNAPI = Feature{"threaded NAPI", "/sys/class/net/DEVICE/threaded", "", "5.12"}
	BusyPoll     = Feature{"busy polling", "CONFIG_NET_RX_BUSY_POLL", "", ""}
)

// What looks into the kernel.
var (
	Tracefs       = Feature{"tracefs", "CONFIG_FTRACE", "", "5.2"}
	FunctionGraph = Feature{"the function graph tracer", "CONFIG_FUNCTION_GRAPH_TRACER with CONFIG_DYNAMIC_FTRACE", "", ""}
	Kmemleak      = Feature{"kmemleak", "CONFIG_DEBUG_FS with CONFIG_DEBUG_KMEMLEAK", "", ""}
	PacketSockets = Feature{"packet sockets", "CONFIG_PACKET", "af_packet", ""}
	IPv6          = Feature{"IPv6", "CONFIG_IPV6", "ipv6", ""}
	Kallsyms      = Feature{"the names of functions", "CONFIG_KALLSYMS with CONFIG_KALLSYMS_ALL", "", ""}
)

// Namespaces is what every container is made of, and Sockets what is measured.
var (
	Namespaces = Feature{"network namespaces", "CONFIG_NAMESPACES with CONFIG_NET_NS", "", ""}
	Sockets    = Feature{"sockets", "CONFIG_NET with CONFIG_INET with CONFIG_UNIX", "", ""}
)

// Qdisc is a queueing discipline by the name that tc has for it.
func Qdisc(name string) Feature {
	if option, is := oddQdiscs[name]; is {
		if option == "" {
			return Feature{Name: "qdisc " + name}
		}
		return Feature{Name: "qdisc " + name, Config: option}
	}
	return Feature{"qdisc " + name, qdiscPrefix + strings.ToUpper(name), "sch_" + name, ""}
}

// oddQdiscs are those whose option has another name, or that every kernel with a
// network has.
var oddQdiscs = map[string]string{
	"pfifo_fast": "", "pfifo": "", "bfifo": "", "pfifo_head_drop": "", "noqueue": "", "mq": "",
	"cake_mq": qdiscPrefix + "CAKE",
}

// otherQdiscs are those of net/sched in Linux 5.10 and since whose option has their name.
var otherQdiscs = []string{
	"atm", "cake", "cbq", "cbs", "choke", "codel", "drr", "dsmark", "dualpi2", "etf", "ets", "fq", "fq_codel", "fq_pie",
	"gred", "hfsc", "hhf", "htb", "mqprio", "multiq", "netem", "pie", "plug", "prio", "qfq", "red", "sfb", "sfq",
	"skbprio", "taprio", "tbf",
}

// KnowsQdisc says whether Linux has a queueing discipline of that name: of one that it
// has not, no option can be named that would bring it.
func KnowsQdisc(name string) bool {
	_, odd := oddQdiscs[name]
	return odd || slices.Contains(otherQdiscs, name)
}
