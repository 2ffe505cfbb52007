package hcl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// backendLocal is the backend whose machines share this machine's kernel.
const backendLocal = "local"

// checkOneKernel refuses what machines that share this machine's kernel cannot
// differ in, in any cell.
func (c *cellLoader) checkOneKernel(f fields, m testbed.Machine) {
	if f.ok("image") {
		image := get[ref](f, "image")
		if c.kernel.name == "" {
			c.kernel = image
		}
		if image.name != c.kernel.name {
			f.reject("image", "One kernel", "On the backend \"local\" every machine of every cell runs this machine's own kernel, so two images mean nothing: here %s, before it %s. Use one, or the backend \"libvirt\".", image.code, c.kernel.code)
		}
	}
	if m.Setup != "" {
		f.reject("setup", "No machine of its own", "On the backend \"local\" a machine is a namespace of this one, so \"setup\" would change this machine. Leave it out, or use the backend \"libvirt\".")
	}
	c.checkSysctls(f, m)
}

// checkSysctls refuses settings that are not of a network namespace. Where the kernel is
// a guest's, its image can have them.
func (c *cellLoader) checkSysctls(f fields, m testbed.Machine) {
	for _, name := range slices.Sorted(maps.Keys(m.Sysctl)) {
		dotted := strings.ReplaceAll(name, "/", ".")
		if strings.HasPrefix(dotted, "net.") && !slices.Contains(wholeKernel, dotted) {
			continue
		}
		remedy := "Leave it out"
		if c.counts() {
			remedy = fmt.Sprintf("Set it for all machines in the image's cmdline (sysctl.%s=VALUE)", name)
		}
		f.reject("sysctl", "One kernel", "On the backend %q a machine has the settings of a network namespace alone (most of net.…), and %q is the whole kernel's. %s, or use the backend \"libvirt\".", c.lab.Backend, name, remedy)
	}
}

// wholeKernel are the settings below net that no namespace has for itself, up to Linux
// 6.18. Of some others it depends on the kernel; these are refused where they are set.
var wholeKernel = strings.Fields(`
	net.core.bpf_jit_enable net.core.bpf_jit_harden net.core.bpf_jit_kallsyms net.core.bpf_jit_limit
	net.core.busy_poll net.core.busy_read net.core.default_qdisc
	net.core.dev_weight net.core.dev_weight_rx_bias net.core.dev_weight_tx_bias
	net.core.devconf_inherit_init_net net.core.fb_tunnels_only_for_init_net
	net.core.flow_limit_cpu_bitmap net.core.flow_limit_table_len
	net.core.gro_normal_batch net.core.high_order_alloc_disable
	net.core.max_skb_frags net.core.mem_pcpu_rsv net.core.message_burst net.core.message_cost
	net.core.netdev_budget net.core.netdev_budget_usecs net.core.netdev_max_backlog
	net.core.netdev_tstamp_prequeue net.core.netdev_unregister_timeout_secs
	net.core.rmem_default net.core.rmem_max net.core.rps_sock_flow_entries
	net.core.skb_defer_max net.core.warnings net.core.wmem_default net.core.wmem_max
	net.ipv4.tcp_max_orphans net.ipv4.tcp_mem net.ipv4.udp_mem
`)
