package guestinit

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
)

// nicTimeout is how long NICs may take to appear. Drivers probe them while the
// module loads, so that normally all are there at once.
const nicTimeout = 10 * time.Second

// nic is an interface as the configuration wants it.
type nic struct {
	mac      net.HardwareAddr
	device   string
	address  string
	mtu      int
	gateway  string
	measured bool
}

// setUpNetwork names the NICs, sets sysctls and addresses, and brings them up.
func setUpNetwork(cfg guestconfig.Config, loadModule func(string) error) error {
	nics, err := configuredNICs(cfg)
	if err != nil {
		return err
	}
	if err := setLoopbackUp(); err != nil {
		return err
	}
	links, err := awaitNICs(nics)
	if err != nil {
		return err
	}
	if err := rename(nics, links); err != nil {
		return err
	}
	for _, n := range nics {
		n.quieten()
	}
	if err := setSysctls(cfg.Sysctl, loadModule); err != nil {
		return err
	}
	for i, n := range nics {
		if err := n.setUp(links[i]); err != nil {
			return fmt.Errorf("set up interface %q: %w", n.device, err)
		}
	}
	return nil
}

func configuredNICs(cfg guestconfig.Config) ([]nic, error) {
	var nics []nic
	add := func(mac string, n nic) (err error) {
		if n.mac, err = net.ParseMAC(mac); err != nil {
			return fmt.Errorf("interface %q: %w", n.device, err)
		}
		nics = append(nics, n)
		return nil
	}
	if m := cfg.Management; m.MAC != "" {
		if err := add(m.MAC, nic{device: m.Device, address: m.Address, gateway: m.Gateway}); err != nil {
			return nil, err
		}
	}
	for _, c := range cfg.NICs {
		if err := add(c.MAC, nic{device: c.Device, address: c.Address, mtu: c.MTU, measured: true}); err != nil {
			return nil, err
		}
	}
	return nics, nil
}

func setLoopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	return nil
}

// awaitNICs returns the links of the NICs, in their order.
func awaitNICs(nics []nic) ([]netlink.Link, error) {
	deadline := time.Now().Add(nicTimeout)
	for {
		links, missing, err := findNICs(nics)
		if err != nil {
			return nil, err
		}
		if missing == nil {
			return links, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("no NIC with the address %s after %s: is it a virtio one, and has the kernel CONFIG_VIRTIO_NET and CONFIG_VIRTIO_PCI, built in or as modules?", missing.mac, nicTimeout)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// findNICs returns the links that exist, or the first NIC that has none yet.
func findNICs(nics []nic) (links []netlink.Link, missing *nic, err error) {
	all, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, nil, fmt.Errorf("list interfaces: %w", err)
	}
	for i, n := range nics {
		var found netlink.Link
		for _, link := range all {
			if bytes.Equal(link.Attrs().HardwareAddr, n.mac) {
				found = link
			}
		}
		if found == nil {
			return nil, &nics[i], nil
		}
		links = append(links, found)
	}
	return links, nil, nil
}

// rename goes through names that nothing has: the kernel may have called one
// NIC what another is to be called.
func rename(nics []nic, links []netlink.Link) error {
	for i, link := range links {
		if err := netlink.LinkSetName(link, fmt.Sprintf("rename%d", i)); err != nil {
			return fmt.Errorf("rename interface %q: %w", link.Attrs().Name, err)
		}
	}
	for i, link := range links {
		if err := netlink.LinkSetName(link, nics[i].device); err != nil {
			return fmt.Errorf("name interface %s %q: %w", nics[i].mac, nics[i].device, err)
		}
	}
	return nil
}

// quieten keeps the kernel from looking for IPv6 routers, now and while
// something is measured. A kernel without IPv6 has nothing to quieten.
func (n nic) quieten() {
	for _, setting := range []string{"accept_ra", "router_solicitations"} {
		_ = writeSysctl("net/ipv6/conf/"+n.device+"/"+setting, "0")
	}
}

func (n nic) setUp(link netlink.Link) error {
	if n.mtu != 0 {
		if err := netlink.LinkSetMTU(link, n.mtu); err != nil {
			return fmt.Errorf("set MTU %d: %w", n.mtu, err)
		}
	}
	if n.address != "" {
		address, err := netlink.ParseAddr(n.address)
		if err != nil {
			return fmt.Errorf("read address %q: %w", n.address, err)
		}
		if err := netlink.AddrAdd(link, address); err != nil {
			return fmt.Errorf("add address %q: %w", n.address, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up: %w", err)
	}
	if n.gateway == "" {
		return nil
	}
	gateway := net.ParseIP(n.gateway)
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway}); err != nil {
		return fmt.Errorf("add gateway %q: %w", n.gateway, err)
	}
	return nil
}

// listen opens the SSH port on the management address alone: the measured
// networks see nothing of it.
func listen(m guestconfig.Management) (net.Listener, error) {
	host, _, _ := strings.Cut(m.Address, "/")
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "22"))
	if err != nil {
		return nil, fmt.Errorf("listen for SSH: %w", err)
	}
	return listener, nil
}
