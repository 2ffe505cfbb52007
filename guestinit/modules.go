package guestinit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// loadList names the modules to load first, one path a line, dependencies
// before what needs them. The host wrote it for this very kernel; all other
// modules come when the kernel asks modprobe for them.
const loadList = "/etc/testbed/modules"

func loadModules(list string) error {
	text, err := os.ReadFile(list)
	if errors.Is(err, os.ErrNotExist) {
		return nil // A kernel that has everything built in.
	}
	if err != nil {
		return fmt.Errorf("read list of modules: %w", err)
	}
	for path := range strings.FieldsSeq(string(text)) {
		if err := loadModule(path); err != nil {
			return err
		}
	}
	return nil
}

func loadModule(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("load module: %w", err)
	}
	defer file.Close()
	err = unix.FinitModule(int(file.Fd()), "", 0)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("load module %q: %w (dmesg may say more)", path, err)
	}
	return nil
}

// modprobe loads a module by name, with all that it depends on.
func (r *reaper) modprobe(module string) error {
	_, ended, err := r.start(exec.Command("/sbin/modprobe", "-q", module))
	if err != nil {
		return fmt.Errorf("load module %q: %w", module, err)
	}
	if status := <-ended; status.ExitStatus() != 0 {
		return fmt.Errorf("load module %q: modprobe ended with %d", module, status.ExitStatus())
	}
	return nil
}
