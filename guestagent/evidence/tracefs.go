package evidence

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// tracefs is the kernel's tracing, mounted nowhere: the mount is held by a
// descriptor, and so is gone with the process.
type tracefs struct{ root int }

// openTracefs asks for a mount of its own (fsopen, since 5.2).
func openTracefs() (*tracefs, error) {
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOSYS) {
		return nil, errors.New("this kernel has no tracefs: it needs CONFIG_FTRACE and Linux 5.2")
	}
	if err != nil {
		return nil, fmt.Errorf("open tracefs: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("make a mount of tracefs: %w", err)
	}
	root, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("mount tracefs: %w", err)
	}
	return &tracefs{root: root}, nil
}

func (t *tracefs) close() { unix.Close(t.root) }

func (t *tracefs) open(name string, flags int) (*os.File, error) {
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
		return fmt.Errorf("write %q to tracefs/%s: %w", text, name, err)
	}
	return nil
}

// idle makes sure that nobody else traces: there is one tracer for all.
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
