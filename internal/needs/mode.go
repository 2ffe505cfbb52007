package needs

import (
	"github.com/testbed-lab/testbed/kconfig"
	"github.com/testbed-lab/testbed/testbed"
)

// translation is what a masquerade, a published port or a service needs.
var translation = []kconfig.Feature{kconfig.Tables, kconfig.NAT, kconfig.Masquerade, kconfig.Conntrack}

// ofMode is what netmode's steps for a mode ask of the kernel.
func ofMode(mode testbed.Mode) []kconfig.Feature {
	all := ofKind(mode)
	if mode.Redirect != "" {
		all = append(all, kconfig.RedirectPeer, kconfig.Clsact)
	}
	if mode.Service {
		all = append(append(all, translation...), kconfig.TrackedState)
	}
	if mode.Proxy == "ipvs" {
		all = append(all, kconfig.IPVS, kconfig.IPVSPaths, kconfig.IPVSRR)
	}
	if mode.Delay > 0 {
		all = append(all, kconfig.Netem)
	}
	if mode.ThreadedNAPI != nil {
		all = append(all, kconfig.ThreadedNAPI)
	}
	if mode.Qdisc != "" {
		all = append(all, kconfig.Qdisc(mode.Qdisc))
	}
	return all
}

func ofKind(mode testbed.Mode) []kconfig.Feature {
	switch mode.Kind {
	case "veth":
		return ofVeth(mode)
	case "macvlan":
		return []kconfig.Feature{kconfig.Macvlan}
	case "ipvlan":
		return ofIpvlan(mode)
	case "netkit":
		all := []kconfig.Feature{kconfig.Netkit}
		if mode.Scrub == "none" {
			all = append(all, kconfig.Scrub)
		}
		return all
	case "vxlan":
		return []kconfig.Feature{kconfig.Vxlan, kconfig.Veth, kconfig.Bridge}
	case "geneve":
		return []kconfig.Feature{kconfig.Geneve, kconfig.Veth, kconfig.Bridge}
	case "wireguard":
		return []kconfig.Feature{kconfig.Wireguard, kconfig.Veth}
	}
	return nil
}

func ofVeth(mode testbed.Mode) []kconfig.Feature {
	all := []kconfig.Feature{kconfig.Veth}
	if mode.Uplink == "bridge" || mode.Uplink == "l2" {
		all = append(all, kconfig.Bridge)
	}
	if mode.Masquerade {
		all = append(all, translation...)
	}
	return all
}

func ofIpvlan(mode testbed.Mode) []kconfig.Feature {
	all := []kconfig.Feature{kconfig.Ipvlan}
	if mode.Mode == "l3s" {
		all = append(all, kconfig.IpvlanL3S)
	}
	if mode.Flag != "" && mode.Flag != "bridge" {
		all = append(all, kconfig.IpvlanFlags)
	}
	return all
}
