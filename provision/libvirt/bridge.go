package libvirt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
)

const netClass = "/sys/class/net"

// markBridge gives a bridge its mark. Only root may; for others the libvirt
// network carries it, and this is for a bridge whose network libvirt lost.
func markBridge(bridge, alias string) {
	os.WriteFile(filepath.Join(netClass, bridge, "ifalias"), []byte(alias), 0)
}

// ownBridges lists those that carry this owner's mark.
func ownBridges(owner string) ([]string, error) {
	entries, err := os.ReadDir(netClass)
	if err != nil {
		return nil, fmt.Errorf("list network devices: %w", err)
	}
	prefix := fmt.Sprintf("testbed owner=%s lab=", owner)
	var own []string
	for _, entry := range entries {
		alias, err := os.ReadFile(filepath.Join(netClass, entry.Name(), "ifalias"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && strings.HasPrefix(string(alias), prefix) {
			own = append(own, entry.Name())
		}
	}
	return own, nil
}

func removeBridge(name string) error {
	link, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil {
		return fmt.Errorf("remove bridge %q: %w; as root: ip link delete %[1]s", name, err)
	}
	return nil
}
