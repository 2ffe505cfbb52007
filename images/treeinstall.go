package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// foreign are variables of the environment by which make and Kbuild would take
// another folder, other targets or another architecture than those of the tree.
var foreign = []string{"MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS", "MAKELEVEL", "MAKEFILES", "KBUILD_OUTPUT", "O", "ARCH", "SUBARCH", "M", "KBUILD_EXTMOD"}

// install has the tree's Makefile install its modules below a folder. depmod's
// work is done here, from the modules that a guest gets, and what they carry for
// debuggers would only make the guest's boot slower.
func (t kernelTree) install(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "make", "-s", "--no-print-directory", fmt.Sprint("-j", runtime.NumCPU()), "-C", t.root,
		"modules_install", "INSTALL_MOD_PATH="+to, "INSTALL_MOD_STRIP=1", "DEPMOD=true")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(one string) bool {
		name, _, _ := strings.Cut(one, "=")
		return slices.Contains(foreign, name)
	})
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	// make has children, which would go on installing.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w: apt install make", err)
	}
	return fmt.Errorf("%s: %w:\n%s", strings.Join(cmd.Args, " "), err, lastLines(said.String(), 10))
}

// lastLines is the end of what a program said, where it says what went wrong.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
