// Package wiring makes network namespaces of one kernel into machines on a
// network: their settings, their devices' addresses, and the switch that joins
// more than two. It makes no namespace and knows no lab. What it does, it does in
// the namespace of the calling thread or of the handle that it is given.
package wiring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// End is a device of one end of a wire.
type End struct {
	Device string
	MAC    net.HardwareAddr
	Space  int // Descriptor of the namespace that it is to be in.
}

// Plug makes a veth pair: one end where the handle is, the other in far.Space.
func Plug(links *netlink.Handle, device string, mac net.HardwareAddr, mtu int, far End) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr, attrs.MTU = device, mac, mtu
	err := links.LinkAdd(&netlink.Veth{
		LinkAttrs: attrs, PeerName: far.Device, PeerHardwareAddr: far.MAC, PeerMTU: uint32(mtu),
		PeerTxQLen: -1, PeerNamespace: netlink.NsFd(far.Space),
	})
	if err != nil {
		return fmt.Errorf("add %s (CONFIG_VETH, module veth): %w", device, err)
	}
	return nil
}

// AddSwitch makes a bridge and sets it up.
func AddSwitch(links *netlink.Handle, name string, mtu int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = name, mtu
	if err := links.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		return fmt.Errorf("add a bridge (CONFIG_BRIDGE, module bridge): %w", err)
	}
	return SetUp(links, name)
}

// Silence keeps a switch from speaking, and its frames from netfilter. A kernel
// without these settings does neither.
func Silence() error {
	_ = writeSysctl("net/ipv6/conf/default/disable_ipv6", "1")
	_ = writeSysctl("net/bridge/bridge-nf-call-iptables", "0")
	return nil
}

// Enslave makes a device a port of a switch, and sets it up.
func Enslave(links *netlink.Handle, port, bridge string) error {
	link, err := links.LinkByName(port)
	if err != nil {
		return fmt.Errorf("find %s: %w", port, err)
	}
	master, err := links.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("find %s: %w", bridge, err)
	}
	if err := links.LinkSetMaster(link, master); err != nil {
		return fmt.Errorf("put %s on the bridge: %w", port, err)
	}
	return SetUp(links, port)
}

// LoopbackUp sets lo up in the calling thread's namespace.
func LoopbackUp() error {
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open a netlink socket: %w", err)
	}
	defer links.Close()
	return SetUp(links, "lo")
}

// SetUp sets a device up.
func SetUp(links *netlink.Handle, device string) error {
	link, err := links.LinkByName(device)
	if err != nil {
		return fmt.Errorf("find %s: %w", device, err)
	}
	if err := links.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring %s up: %w", device, err)
	}
	return nil
}

// Quieten keeps the kernel from looking for IPv6 routers, as in a guest. A
// kernel without IPv6 has nothing to quieten.
func Quieten(device string) {
	for _, setting := range []string{"accept_ra", "router_solicitations"} {
		_ = writeSysctl("net/ipv6/conf/"+device+"/"+setting, "0")
	}
}

// BringUp gives a device its address and sets it up.
func BringUp(links *netlink.Handle, device, address string) error {
	link, err := links.LinkByName(device)
	if err != nil {
		return fmt.Errorf("find it: %w", err)
	}
	parsed, err := netlink.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("read address %q: %w", address, err)
	}
	if err := links.AddrReplace(link, parsed); err != nil {
		return fmt.Errorf("add address %q: %w", address, err)
	}
	if err := links.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring it up: %w", err)
	}
	return nil
}

// AwaitCarrier waits until a device can send.
func AwaitCarrier(ctx context.Context, links *netlink.Handle, device string) error {
	for {
		link, err := links.LinkByName(device)
		if err != nil {
			return err
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// SetSysctls writes settings in the calling thread's namespace. A setting that
// is not the namespace's own is not there, or not writable there.
func SetSysctls(settings map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		path := SysctlPath(name)
		err := writeSysctl(path, settings[name])
		switch {
		case errors.Is(err, fs.ErrNotExist) && hostHas(path), errors.Is(err, fs.ErrPermission):
			return &WholeKernelError{name}
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("set sysctl %q: this kernel has no such setting", name)
		case err != nil:
			return fmt.Errorf("set sysctl %q to %q: %w", name, settings[name], err)
		}
	}
	return nil
}

// WholeKernelError says that a setting is not one of a network namespace.
type WholeKernelError struct{ Sysctl string }

func (e *WholeKernelError) Error() string {
	return fmt.Sprintf("sysctl %q is one of the whole kernel, and machines that share one have only those of a network namespace: leave it out, or use the libvirt backend", e.Sysctl)
}

// CheckSysctls refuses settings that cannot be a network namespace's.
func CheckSysctls(settings map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !strings.HasPrefix(SysctlPath(name), "net/") {
			return &WholeKernelError{name}
		}
	}
	return nil
}

// hostHas looks in the namespace that this process was started in.
func hostHas(path string) bool {
	has := make(chan bool, 1)
	go func() { // Off the calling thread, which is in another.
		_, err := os.Stat("/proc/sys/" + path)
		has <- err == nil
	}()
	return <-has
}

// SysctlPath turns a name into a path as sysctl(8) does: dots separate, unless
// a slash comes first, where dots are part of a name (eth1.100).
func SysctlPath(name string) string {
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
		return filepath.Clean("/" + name)[1:]
	}
	return filepath.Clean("/" + strings.NewReplacer(".", "/", "/", ".").Replace(name))[1:]
}

func writeSysctl(path, value string) error {
	file, err := os.OpenFile("/proc/sys/"+path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value + "\n")
	return errors.Join(err, file.Close())
}
