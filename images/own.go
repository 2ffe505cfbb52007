package images

import (
	"context"

	"github.com/testbed-lab/testbed/testbed"
)

// ownKernel is a kernel of the user's, in whatever form they have it.
type ownKernel interface {
	// key tells it from others, and from itself after a change. What is cached
	// under it carries digests of the content.
	key() (string, error)
	// read reads it; scratch is a folder that goes away.
	read(ctx context.Context, scratch string) (*kernel, error)
}

// ownOf is the image's own kernel, or nil where it is Debian's.
func ownOf(image testbed.Image) ownKernel {
	switch {
	case image.Kernel != "":
		return kernelFiles{image: image.Kernel, modules: image.Modules}
	case image.Tree != "":
		return kernelTree{root: image.Tree}
	case image.Deb != "":
		return kernelPackage{path: image.Deb}
	}
	return nil
}

// KernelError says that a kernel of the user's own cannot be made an image of: it is at
// fault, and neither the machine nor the mirror.
type KernelError struct{ Err error }

func (e *KernelError) Error() string { return e.Err.Error() }
func (e *KernelError) Unwrap() error { return e.Err }

// blame says whose fault it is where a kernel cannot be read.
func (r *recipe) blame(err error) error {
	if r.own != nil && err != nil {
		return &KernelError{err}
	}
	return err
}
