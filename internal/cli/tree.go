package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/bisect"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/testbed"
)

// treeKernel is an image with the kernel of a tree that was built.
func treeKernel(tree string) (func(testbed.Image) testbed.Image, error) {
	root, err := filepath.Abs(tree)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, images.TreeImage)); err != nil {
		return nil, &bisect.SkipError{Err: fmt.Errorf("the tree has no built kernel: %w", err)}
	}
	if _, err := exec.LookPath("make"); err != nil { // The tree is not to blame for it.
		return nil, fmt.Errorf("install the tree's modules: %w", err)
	}
	return func(image testbed.Image) testbed.Image { return run.OnTree(image, root) }, nil
}

// Statuses of a shell: a command that it cannot run is no fault of what is built.
const (
	notExecutable = 126
	notFound      = 127
)

// buildIn runs a shell's command that builds a tree. Where that fails, the tree is to
// blame, unless the command itself cannot be run.
func buildIn(ctx context.Context, tree string, out io.Writer, command string) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
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
