package guestinit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Places of the layers, on the initramfs, which stays mounted below the root.
const (
	lowerDir = "/layers/disk"
	upperDir = "/layers/memory"
	newRoot  = "/layers/root"
)

// engineStores hold what container engines unpack. Overlay file systems do not
// stack on an upper layer of their own kind, so these are file systems apart.
var engineStores = []string{"/var/lib/containers", "/var/lib/containerd", "/var/lib/docker"}

// switchRoot lays a read-only disk over the initramfs and memory over both, and
// makes that the root. Containers need it: pivot_root refuses an initramfs.
func switchRoot(disk string, modprobe func(string) error) error {
	for _, module := range []string{"virtio_blk", "erofs", "overlay"} {
		// What is built in needs no module, and what is missing shows below.
		_ = modprobe(module)
	}
	if err := awaitDevice(disk); err != nil {
		return err
	}
	layers := []mount{
		{source: disk, fstype: "erofs", target: lowerDir, flags: unix.MS_RDONLY, config: "CONFIG_EROFS_FS"},
		{fstype: "tmpfs", target: upperDir, options: "mode=0755", config: "CONFIG_TMPFS"},
	}
	for _, m := range layers {
		if err := m.mount(); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/upper", "/work"} {
		if err := os.Mkdir(upperDir+dir, 0o755); err != nil {
			return err
		}
	}
	root := mount{fstype: "overlay", target: newRoot, config: "CONFIG_OVERLAY_FS",
		options: fmt.Sprintf("lowerdir=%s:/,upperdir=%s/upper,workdir=%s/work", lowerDir, upperDir, upperDir)}
	if err := root.mount(); err != nil {
		return err
	}
	if err := moveTo(newRoot); err != nil {
		return err
	}
	return mountStores()
}

// diskTimeout is how long the kernel may take to find a disk after its driver.
const diskTimeout = 10 * time.Second

func awaitDevice(device string) error {
	for deadline := time.Now().Add(diskTimeout); ; time.Sleep(5 * time.Millisecond) {
		_, err := os.Stat(device)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("there is no such disk after %v (CONFIG_VIRTIO_BLK)", diskTimeout)
		}
	}
}

// moveTo takes the kernel's own file systems along and makes a folder the root of
// this process: all threads share one, so none is left behind.
func moveTo(root string) error {
	for _, m := range mounts {
		if filepath.Dir(m.target) != "/" {
			continue // It goes with the one that it is in.
		}
		if err := unix.Mount(m.target, root+m.target, "", unix.MS_MOVE, ""); err != nil && m.config != "" {
			return fmt.Errorf("move %s: %w", m.target, err)
		}
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	return os.Chdir("/")
}

func mountStores() error {
	for _, store := range engineStores {
		m := mount{fstype: "tmpfs", target: store, options: "mode=0711", config: "CONFIG_TMPFS"}
		if err := m.mount(); err != nil {
			return err
		}
	}
	return nil
}
