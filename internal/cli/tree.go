package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/testbed-lab/testbed/internal/bisect"
	"github.com/testbed-lab/testbed/testbed"
)

// bzImage is where a build leaves the kernel in its tree.
const bzImage = "arch/x86/boot/bzImage"

// treeKernel is an image with the kernel of a tree that was built: its bzImage, and its
// modules as the tree installs them into a folder, which is emptied before.
func treeKernel(ctx context.Context, tree, modules string, out io.Writer) (func(testbed.Image) testbed.Image, error) {
	kernel, err := filepath.Abs(filepath.Join(tree, bzImage))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(kernel); err != nil {
		return nil, &bisect.SkipError{Err: fmt.Errorf("the tree has no built kernel: %w", err)}
	}
	if modules, err = filepath.Abs(modules); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(modules); err != nil {
		return nil, err
	}
	if err := makeIn(ctx, tree, out, "make", "-s", "modules_install", "INSTALL_MOD_PATH="+modules, "INSTALL_MOD_STRIP=1", "DEPMOD=true"); err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(modules, "lib/modules/*"))
	if err != nil || len(found) != 1 {
		return nil, &bisect.SkipError{Err: fmt.Errorf("make modules_install left %d folders in lib/modules, and one is needed", len(found))}
	}
	return func(image testbed.Image) testbed.Image {
		image.Release, image.KernelVersion, image.Tree = "", "", ""
		image.Kernel, image.Modules = kernel, found[0]
		return image
	}, nil
}

// Statuses of a shell: a command that it cannot run is no fault of what is built.
const (
	notExecutable = 126
	notFound      = 127
)

// makeIn runs a command that makes something of a tree. Where that fails, the tree is to
// blame, unless the command itself cannot be run.
func makeIn(ctx context.Context, tree string, out io.Writer, name string, arguments ...string) error {
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = tree, out, out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.As(err, &exit), exit.ExitCode() == notExecutable, exit.ExitCode() == notFound:
		return fmt.Errorf("run %q in %s: %w", cmd.String(), tree, err)
	}
	return &bisect.SkipError{Err: fmt.Errorf("%q in %s: %w", cmd.String(), tree, err)}
}
