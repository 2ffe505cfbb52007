package guestinit

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mount is a file system of the kernel's own.
type mount struct {
	// source is a device; empty where a file system has none.
	source                  string
	fstype, target, options string
	flags                   uintptr
	// config is the kernel option without which a guest cannot work; empty: it
	// goes on without.
	config string
}

const noExec = unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV

var mounts = []mount{
	{fstype: "proc", target: "/proc", flags: noExec, config: "CONFIG_PROC_FS"},
	{fstype: "sysfs", target: "/sys", flags: noExec, config: "CONFIG_SYSFS"},
	{fstype: "devtmpfs", target: "/dev", flags: unix.MS_NOSUID, options: "mode=0755", config: "CONFIG_DEVTMPFS"},
	{fstype: "devpts", target: "/dev/pts", flags: unix.MS_NOSUID | unix.MS_NOEXEC, options: "mode=0620,ptmxmode=0666,gid=5"},
	{fstype: "tmpfs", target: "/dev/shm", flags: unix.MS_NOSUID | unix.MS_NODEV, options: "mode=1777"},
	{fstype: "tmpfs", target: "/run", flags: unix.MS_NOSUID | unix.MS_NODEV, options: "mode=0755", config: "CONFIG_TMPFS"},
	{fstype: "tmpfs", target: "/tmp", flags: unix.MS_NOSUID | unix.MS_NODEV, options: "mode=1777", config: "CONFIG_TMPFS"},
	{fstype: "tracefs", target: "/sys/kernel/tracing", flags: noExec},
	{fstype: "debugfs", target: "/sys/kernel/debug", flags: noExec},
	{fstype: "cgroup2", target: "/sys/fs/cgroup", flags: noExec},
	{fstype: "bpf", target: "/sys/fs/bpf", flags: noExec},
}

// deviceLinks are what udev would have made.
var deviceLinks = map[string]string{
	"/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2",
}

func mountAll() error {
	for _, m := range mounts {
		if err := m.mount(); err != nil {
			return err
		}
	}
	for link, target := range deviceLinks {
		if err := os.Symlink(target, link); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make device links: %w", err)
		}
	}
	return os.MkdirAll("/run/testbed", 0o755)
}

func (m mount) mount() error {
	// Below sysfs the kernel makes the mount points that it has a use for.
	_ = os.MkdirAll(m.target, 0o755)
	source := m.source
	if source == "" {
		source = m.fstype
	}
	err := unix.Mount(source, m.target, m.fstype, m.flags, m.options)
	if err == nil || errors.Is(err, unix.EBUSY) || m.config == "" {
		return nil
	}
	if errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("mount %s: the kernel has no %s (%s)", m.target, m.fstype, m.config)
	}
	return fmt.Errorf("mount %s: %w", m.target, err)
}
