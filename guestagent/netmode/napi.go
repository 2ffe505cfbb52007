package netmode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/thread"
	"github.com/testbed-lab/testbed/kconfig"
)

// setThreaded moves a device's polling into a kernel thread, or out of it.
func (d device) setThreaded(on bool) step {
	wanted, before := "0", ""
	if on {
		wanted = "1"
	}
	s := step{name: "set threaded NAPI of " + d.name, do: func() (err error) {
		before, err = d.threaded("")
		if err != nil {
			return err
		}
		if _, err = d.threaded(wanted); err != nil {
			return err
		}
		d.owner.note("%s threaded NAPI %s", d.name, onOff(on))
		return nil
	}}
	if d.keep {
		s.undo = func() error { _, err := d.threaded(before); return err }
	}
	return s
}

// threaded reads the setting, or writes it. sysfs shows the devices of the network
// namespace in which it was mounted, so it is mounted anew on a thread of its own.
func (d device) threaded(write string) (was string, err error) {
	err = <-thread.Run(func() error {
		if err := d.owner.machine.space.Enter(); err != nil {
			return err
		}
		if err := ownSysfs(); err != nil {
			return err
		}
		path := "/sys/class/net/" + d.name + "/threaded"
		if write != "" {
			return explainThreaded(d, os.WriteFile(path, []byte(write), 0))
		}
		value, err := os.ReadFile(path)
		was = strings.TrimSpace(string(value))
		return explainThreaded(d, err)
	})
	return was, err
}

func ownSysfs() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Busy: what is mounted there shows this namespace already.
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("mount sysfs: %w", err)
	}
	return nil
}

func explainThreaded(d device, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &UnsupportedError{kconfig.ThreadedNAPI}
	case errors.Is(err, unix.EOPNOTSUPP):
		return &fixedError{device: d.name, driver: d.owner.nic.Type(), what: "threaded NAPI"}
	}
	return err
}
