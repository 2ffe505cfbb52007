package netmode

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/kconfig"
)

// ErrUnsupported is what every [UnsupportedError] matches with errors.Is.
var ErrUnsupported = errors.New("not supported by this kernel")

// UnsupportedError names what a kernel lacks.
type UnsupportedError struct{ kconfig.Feature }

func (e *UnsupportedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "this kernel has no %s: it needs %s", e.Name, e.Config)
	if e.Module != "" {
		fmt.Fprintf(&b, " (module %s)", e.Module)
	}
	if e.MinimumVersion != "" {
		fmt.Fprintf(&b, ", which Linux has since %s", e.MinimumVersion)
	}
	return b.String()
}

// Is makes the error match [ErrUnsupported].
func (e *UnsupportedError) Is(target error) bool { return target == ErrUnsupported }

// enotsupp is the kernel's own ENOTSUPP, which has no name in user space.
// ipvlan answers with it when it was built without l3s.
const enotsupp = unix.Errno(524)

// lacking reports whether an error is one of those by which the kernel says that
// it does not know something.
func lacking(err error) bool {
	for _, no := range []error{unix.EOPNOTSUPP, unix.ENOENT, unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT, enotsupp} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// explainLink turns the refusal of a link into an [UnsupportedError] if the
// kernel refuses the same link in an empty namespace too, where nothing of this
// machine can be the reason. Otherwise the error stays what it is.
func explainLink(refused error, link netlink.Link, needs ...kconfig.Feature) error {
	if !lacking(refused) {
		return refused
	}
	for _, need := range needs {
		if probeLink(simplest(link, need)) != nil {
			return &UnsupportedError{need}
		}
	}
	return refused
}

// simplest is the plainest link that a feature is enough for.
func simplest(link netlink.Link, need kconfig.Feature) netlink.Link {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "probe"
	switch link := link.(type) {
	case *netlink.Bridge:
		return &netlink.Bridge{LinkAttrs: attrs}
	case *netlink.Vxlan:
		return &netlink.Vxlan{LinkAttrs: attrs, VxlanId: link.VxlanId}
	case *netlink.Geneve:
		return &netlink.Geneve{LinkAttrs: attrs, ID: link.ID, Remote: link.Remote}
	case *netlink.Wireguard:
		return &netlink.Wireguard{LinkAttrs: attrs}
	case *netlink.Netkit:
		return &netlink.Netkit{LinkAttrs: attrs, Mode: link.Mode}
	case *netlink.Macvlan:
		return &netlink.Macvlan{LinkAttrs: attrs, Mode: link.Mode}
	case *netlink.IPVlan:
		if need == kconfig.Ipvlan {
			return &netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2}
		}
		return &netlink.IPVlan{LinkAttrs: attrs, Mode: link.Mode}
	}
	return nil // Veth: the probe's own parent says it all.
}

// probeLink makes a link on top of a veth pair in a namespace of its own.
func probeLink(link netlink.Link) error {
	space, err := namespace.New(nil)
	if err != nil {
		return err
	}
	defer space.Close()
	handle, err := openHandle(space)
	if err != nil {
		return err
	}
	defer handle.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "parent"
	parent := &netlink.Veth{LinkAttrs: attrs, PeerName: "other", PeerTxQLen: -1}
	if err := handle.LinkAdd(parent); err != nil {
		return err
	}
	if link == nil {
		return nil
	}
	if kind := link.Type(); kind == KindMacvlan || kind == KindIpvlan {
		link.Attrs().ParentIndex = parent.Attrs().Index
	}
	return handle.LinkAdd(link)
}
