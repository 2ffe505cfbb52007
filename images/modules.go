package images

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/images/kmod"
	"github.com/testbed-lab/testbed/images/newc"
)

// loadList is where PID 1 of the guest finds the modules to load first.
const loadList = "etc/testbed/modules"

// drivers are what a guest needs before it can say anything over SSH.
var drivers = []kmod.Driver{
	{Module: "virtio_pci", Config: "CONFIG_VIRTIO_PCI"},
	{Module: "virtio_net", Config: "CONFIG_VIRTIO_NET"},
	{Module: "virtio_rng", Config: "CONFIG_HW_RANDOM_VIRTIO", Optional: true},
}

// moduleDirs are folders of a kernel's modules of which everything is taken:
// whatever a network of containers may be made of. The rest (disks, file
// systems, real hardware) would only make the guest's boot slower.
var moduleDirs = []string{
	"updates", "extra", // Modules that are not the kernel's own.
	"kernel/drivers/net/bonding", "kernel/drivers/net/ipvlan",
	"kernel/drivers/net/vxlan", "kernel/drivers/net/wireguard", "kernel/drivers/virtio",
	"kernel/fs/overlayfs",
	"kernel/net/802", "kernel/net/8021q", "kernel/net/bridge", "kernel/net/core", "kernel/net/ife",
	"kernel/net/ipv4", "kernel/net/ipv6", "kernel/net/key", "kernel/net/llc", "kernel/net/mpls",
	"kernel/net/netfilter", "kernel/net/nsh", "kernel/net/openvswitch", "kernel/net/packet",
	"kernel/net/psample", "kernel/net/sched", "kernel/net/tls", "kernel/net/unix",
	"kernel/net/xdp", "kernel/net/xfrm",
}

// moduleNames are single modules: the virtual devices of drivers/net, and what
// is asked for at run time by the name of an algorithm.
var moduleNames = []string{
	"kernel/drivers/block/loop", "kernel/drivers/block/virtio_blk",
	"kernel/drivers/char/hw_random/virtio-rng", "kernel/drivers/char/virtio_console",
	"kernel/net/vmw_vsock/vmw_vsock_virtio_transport", "kernel/net/vmw_vsock/vsock_diag",
	"kernel/fs/erofs/erofs",
	"kernel/crypto/ccm", "kernel/crypto/cmac", "kernel/crypto/crc32c_generic", "kernel/crypto/crc32c-cryptoapi",
	"kernel/crypto/ctr", "kernel/crypto/echainiv", "kernel/crypto/gcm", "kernel/crypto/seqiv",
}

// wantModule picks modules by their path in the kernel's module folder.
func wantModule(file string) bool {
	if dir, name := path.Split(file); dir == "kernel/drivers/net/" {
		return !strings.HasPrefix(name, "xen") && !strings.HasPrefix(name, "mhi")
	}
	if slices.Contains(moduleNames, strings.TrimSuffix(file, ".ko")) {
		return true
	}
	if strings.HasPrefix(file, "kernel/net/netfilter/ipset/") {
		return false // 1.5 MB, and nft has sets of its own.
	}
	return slices.ContainsFunc(moduleDirs, func(dir string) bool { return strings.HasPrefix(file, dir+"/") })
}

// modulesTree builds the tree of a kernel's modules, their index and the list
// of those to load first.
func modulesTree(k *kernel) (*newc.Tree, error) {
	set, err := kmod.Pick(&k.folder, wantModule)
	if err != nil {
		return nil, err
	}
	t := &newc.Tree{}
	root := "usr/lib/modules/" + k.release + "/"
	for _, m := range set.Modules() {
		if m.Release != "" && m.Release != k.release {
			return nil, fmt.Errorf("module %q is of kernel %s, not %s: build kernel and modules together", m.Path, m.Release, k.release)
		}
		t.File(root+m.Path, 0o644, m.Data)
	}
	for name, data := range set.Index() {
		t.File(root+name, 0o644, data)
	}
	if k.config != nil {
		t.File(root+"config", 0o644, k.config)
	}
	order, err := set.LoadOrder(drivers)
	if err != nil {
		var missing *kmod.NotFoundError
		if errors.As(err, &missing) {
			return nil, fmt.Errorf("%w: a guest cannot be reached without it", err)
		}
		return nil, err
	}
	var list strings.Builder
	for _, file := range order {
		fmt.Fprintf(&list, "/lib/modules/%s/%s\n", k.release, file)
	}
	t.File(loadList, 0o644, []byte(list.String()))
	return t, nil
}
