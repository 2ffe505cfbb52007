package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/thread"
)

// makeSpace makes a network namespace with a host name of its own, runs prepare
// in it, and gives both a name in a folder. What fails leaves no folder.
func makeSpace(folder, hostname string, prepare func() error) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make a folder for a namespace: %w", err)
	}
	err := <-thread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWUTS); err != nil {
			return explain(fmt.Errorf("make a network namespace: %w", err))
		}
		if err := unix.Sethostname([]byte(hostname)); err != nil {
			return fmt.Errorf("set host name %q: %w", hostname, err)
		}
		if err := prepare(); err != nil {
			return err
		}
		return errors.Join(name(folder, "net"), name(folder, "uts"))
	})
	if err != nil {
		return errors.Join(err, removeSpace(folder))
	}
	return nil
}

// name mounts a namespace of the calling thread, which keeps it after the thread.
func name(folder, kind string) error {
	path := filepath.Join(folder, kind)
	if err := os.WriteFile(path, nil, 0o444); err != nil {
		return fmt.Errorf("name a namespace: %w", err)
	}
	if err := unix.Mount("/proc/thread-self/ns/"+kind, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("name a namespace %q: %w", path, err)
	}
	return nil
}

// removeSpace takes the names of a namespace away, and the folder. The kernel
// removes the namespace with all in it once nothing else uses it.
func removeSpace(folder string) error {
	err := errors.Join(unmount(filepath.Join(folder, "net")), unmount(filepath.Join(folder, "uts")))
	if err == nil {
		err = os.RemoveAll(folder)
	}
	return err
}

// enter moves the calling thread, which is not given back, into what makeSpace made.
func enter(folder string) error {
	for kind, flag := range map[string]int{"net": unix.CLONE_NEWNET, "uts": unix.CLONE_NEWUTS} {
		file, err := os.Open(filepath.Join(folder, kind))
		if err != nil {
			return fmt.Errorf("enter a namespace: %w", err)
		}
		err = unix.Setns(int(file.Fd()), flag)
		file.Close()
		if err != nil {
			return explain(fmt.Errorf("enter namespace %q: %w", file.Name(), err))
		}
	}
	return nil
}

// inside runs f in a namespace, with a netlink socket of that namespace.
func inside(folder string, f func(*netlink.Handle) error) error {
	return <-thread.Run(func() error {
		if err := enter(folder); err != nil {
			return err
		}
		links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("open a netlink socket: %w", err)
		}
		defer links.Close()
		return f(links)
	})
}

// explain adds the remedy where the kernel refuses what root may do.
func explain(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w: this needs root with CAP_SYS_ADMIN, which a container may have lost (docker run --privileged keeps it)", err)
	}
	return err
}
