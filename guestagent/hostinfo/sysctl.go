package hostinfo

import (
	"io/fs"
	"os"
	"slices"
	"strings"
)

// wanted are the sysctls that change what a transaction costs.
var wanted = []string{
	"net.core.busy_poll", "net.core.busy_read", "net.core.default_qdisc", "net.core.netdev_budget",
	"net.core.rps_sock_flow_entries", "net.core.rmem_default", "net.core.wmem_default", "net.core.bpf_jit_enable",
	"net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv4.tcp_congestion_control", "net.ipv4.tcp_timestamps",
	"net.ipv4.tcp_sack", "net.ipv4.tcp_low_latency", "net.ipv4.tcp_autocorking", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
	"net.bridge.bridge-nf-call-iptables", "net.netfilter.nf_conntrack_max",
	"kernel.sched_rt_runtime_us", "kernel.perf_event_paranoid", "kernel.randomize_va_space",
}

// families are the folders of all that a transaction may meet.
var families = []string{"net/core", "net/ipv4", "net/ipv6", "net/bridge", "net/netfilter"}

// sysctls reads those that are wanted, and all others of the network, by which two
// machines may differ. Devices come and go, so what is set for one by its name is
// left out, and so is what is a secret.
func sysctls() (first, others map[string]string) {
	first, others = map[string]string{}, map[string]string{}
	system := os.DirFS("/proc/sys")
	for _, name := range wanted {
		if value, err := fs.ReadFile(system, strings.ReplaceAll(name, ".", "/")); err == nil {
			first[name] = strings.Join(strings.Fields(string(value)), " ")
		}
	}
	for _, family := range families {
		_ = fs.WalkDir(system, family, func(path string, entry fs.DirEntry, err error) error {
			switch name := strings.ReplaceAll(path, "/", "."); {
			case err != nil: // A kernel without the family.
				return fs.SkipDir
			case entry.IsDir() && ofDevice(path):
				return fs.SkipDir
			case entry.IsDir() || unfit(path) || slices.Contains(wanted, name):
				return nil
			default:
				if value, err := fs.ReadFile(system, path); err == nil { // Some can only be written.
					others[name] = strings.Join(strings.Fields(string(value)), " ")
				}
				return nil
			}
		})
	}
	return first, others
}

// ofDevice says that a folder is one device's own, as net/ipv4/conf/eth0.
func ofDevice(path string) bool {
	for _, parent := range []string{"/conf/", "/neigh/"} {
		if _, name, is := strings.Cut(path, parent); is {
			return name != "all" && name != "default"
		}
	}
	return false
}

// unfit is what is a secret, and what counts and is no setting.
func unfit(path string) bool {
	return strings.HasSuffix(path, "_key") || strings.HasSuffix(path, "_secret") || strings.HasSuffix(path, "_count")
}
