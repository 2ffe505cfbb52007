package evidence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// tracefs is the kernel's tracing, mounted nowhere: the mount is held by a
// descriptor, and so is gone with the process.
type tracefs struct {
	root   int
	folder string // Of an instance; empty for what all share.
}

// openTracefs asks for a mount of its own (fsopen, since 5.2).
func openTracefs() (*tracefs, error) {
	opened, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOSYS) {
		return nil, errors.New("this kernel has no tracefs: it needs CONFIG_FTRACE and Linux 5.2")
	}
	if err != nil {
		return nil, fmt.Errorf("open tracefs: %w", err)
	}
	defer unix.Close(opened)
	if err := unix.FsconfigCreate(opened); err != nil {
		return nil, fmt.Errorf("make a mount of tracefs: %w", err)
	}
	root, err := unix.Fsmount(opened, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("mount tracefs: %w", err)
	}
	return &tracefs{root: root}, nil
}

func (t *tracefs) close() { unix.Close(t.root) }

func (t *tracefs) open(name string, flags int) (*os.File, error) {
	name = path.Join(t.folder, name)
	fd, err := unix.Openat(t.root, name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "tracefs/" + name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (t *tracefs) read(name string) (string, error) {
	file, err := t.open(name, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	return string(content), err
}

// write replaces a file's content, or with add appends to it. An empty text
// clears the file.
func (t *tracefs) write(name, text string, add bool) error {
	flags := unix.O_WRONLY | unix.O_TRUNC
	if add {
		flags = unix.O_WRONLY | unix.O_APPEND
	}
	file, err := t.open(name, flags)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteString(text + "\n"); err != nil {
		return fmt.Errorf("write %q to tracefs/%s: %w", text, path.Join(t.folder, name), err)
	}
	return nil
}

// set writes what is there, one after the other, also after an error.
func (t *tracefs) set(settings [][2]string) error {
	var errs []error
	for _, set := range settings {
		if err := t.write(set[0], set[1], false); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// offers says whether a tracer can be chosen.
func (t *tracefs) offers(tracer string) (bool, error) {
	tracers, err := t.read("available_tracers")
	return slices.Contains(strings.Fields(tracers), tracer), err
}

// idle makes sure that nobody else traces with what all share.
func (t *tracefs) idle() error {
	tracer, err := t.read("current_tracer")
	if err != nil {
		return err
	}
	if tracer = strings.TrimSpace(tracer); tracer != "nop" {
		return fmt.Errorf("somebody traces with %q; end that with: echo nop > /sys/kernel/tracing/current_tracer", tracer)
	}
	events, err := t.read("set_event")
	if err != nil {
		return err
	}
	if events = strings.TrimSpace(events); events != "" {
		return fmt.Errorf("somebody traces events (%s …); end that with: echo > /sys/kernel/tracing/set_event", strings.Fields(events)[0])
	}
	return nil
}
