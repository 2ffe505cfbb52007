package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/report/bundle"
)

// keptImages are the files of the images that a stored result was measured on.
func (a *app) keptImages(ctx context.Context, dir string) ([]bundle.File, error) {
	result, err := storedSummary(dir)
	if err != nil {
		return nil, err
	}
	if len(result.Environment.Images) == 0 {
		return nil, usageError{fmt.Errorf("%s: no image was booted for this result (backend %s)", dir, result.Backend), "leave --with-images out"}
	}
	lab, err := a.bundledLab(ctx, dir, result)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(images.LockPath(lab.Source)); err != nil {
		return nil, usageError{fmt.Errorf("pack images: %w", err), "the lock lies beside the result of a lab that boots images; without it nobody knows what they were"}
	}
	display := a.display()
	defer display.Close()
	store, lock, err := a.imageStore(display.Sink(), lab.Mirror, lab.Source, false)
	if err != nil {
		return nil, err
	}
	var files []bundle.File
	for _, image := range lab.Images {
		if _, booted := result.Environment.Images[image.Name]; !booted {
			continue
		}
		kept, err := store.Keep(ctx, image, lock)
		if err != nil {
			return nil, err
		}
		if image.OwnKernel() {
			display.Sink().Note(fmt.Sprintf("image %s: a kernel of your own says in it who built it, and on which machine; it is packed as it is", image.Name))
		}
		for _, f := range kept {
			files = append(files, bundle.File{Path: f.Path, From: f.From, Data: f.Data})
		}
	}
	return files, nil
}

// takeKept lets a session boot the images of an unpacked bundle, where it has them.
func (s *session) takeKept(lab *run.Lab) {
	if s.conductor.Images != nil {
		s.conductor.Images = images.Kept{Dir: filepath.Dir(lab.Source), Progress: s.display.Sink(), Else: s.conductor.Images}
	}
}

// remedied is a failure that somebody can do something about.
type remedied struct {
	error
	hint string
}

func (e remedied) Hint() string  { return e.hint }
func (e remedied) Unwrap() error { return e.error }

// goneError says what a reviewer can do about packages that vanished.
func goneError(err error) error {
	var gone *images.GoneError
	if !errors.As(err, &gone) {
		return err
	}
	return remedied{
		fmt.Errorf("build the bundle's images: the mirror has no more, and the cache neither: %s: %w", strings.Join(gone.Packages, ", "), gone.Err),
		"ask for a bundle made with --with-images, or name a mirror that keeps old packages in " + images.MirrorVariable,
	}
}
