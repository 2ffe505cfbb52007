package hostinfo

import (
	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
)

// device describes a NIC: its driver, which offloads are on, and its qdisc.
func device(name string) map[string]any {
	facts := make(map[string]any)
	if link, err := netlink.LinkByName(name); err == nil {
		facts["kind"] = link.Type()
		facts["mtu"] = link.Attrs().MTU
		facts["mac"] = link.Attrs().HardwareAddr.String()
		facts["rx_queues"], facts["tx_queues"] = link.Attrs().NumRxQueues, link.Attrs().NumTxQueues
		facts["qdisc"] = qdiscs(link)
	} else {
		facts["error"] = err.Error()
		return facts
	}
	tool, err := ethtool.NewEthtool()
	if err != nil {
		return facts
	}
	defer tool.Close()
	if driver, err := tool.DriverInfo(name); err == nil {
		facts["driver"], facts["driver_version"], facts["bus"] = driver.Driver, driver.Version, driver.BusInfo
	}
	if features, err := tool.Features(name); err == nil {
		facts["offloads"] = active(features)
	}
	if coalesce, err := tool.GetCoalesce(name); err == nil {
		facts["rx_usecs"], facts["tx_usecs"] = coalesce.RxCoalesceUsecs, coalesce.TxCoalesceUsecs
	}
	return facts
}

// active keeps what is on; a NIC has some sixty that are not.
func active(features map[string]bool) map[string]bool {
	on := make(map[string]bool)
	for name, is := range features {
		if is {
			on[name] = true
		}
	}
	return on
}

func qdiscs(link netlink.Link) []string {
	kinds := []string{}
	all, _ := netlink.QdiscList(link)
	for _, one := range all {
		kinds = append(kinds, one.Type())
	}
	return kinds
}
