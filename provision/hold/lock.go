package hold

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/testbed-lab/testbed/internal/progress"
)

// Lock keeps two processes from changing one lab at once. The kernel gives it
// back when its holder dies, however it dies.
type Lock struct {
	path string
	file *os.File
}

// Try returns the process that holds the lock, and no lock, if one does. The
// folder of the file is made if need be.
func Try(path, lab string) (*Lock, int, error) {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, 0, fmt.Errorf("make the folder of the lock of lab %q: %w", lab, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // Another process has pruned the folder meanwhile.
		return Try(path, lab)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("lock lab %q: %w", lab, err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close()
		return nil, holder(file), nil
	}
	if err != nil {
		file.Close()
		return nil, 0, fmt.Errorf("lock lab %q: %w", lab, err)
	}
	if !sameFile(file, path) { // Its last holder removed it meanwhile.
		file.Close()
		return Try(path, lab)
	}
	if err := writePID(file); err != nil {
		file.Close()
		return nil, 0, fmt.Errorf("lock lab %q: %w", lab, err)
	}
	return &Lock{path: path, file: file}, 0, nil
}

// makeFolder makes a folder and those above it, which another process whose lab ends may
// prune meanwhile.
func makeFolder(path string) (err error) {
	for range 100 {
		if err = os.MkdirAll(path, 0o700); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// Wait waits for another process to end its work on the lab, and says so.
func Wait(ctx context.Context, path, lab string, sink progress.Sink) (*Lock, error) {
	for told := false; ; {
		l, pid, err := Try(path, lab)
		if l != nil || err != nil {
			return l, err
		}
		if !told {
			sink.Note(fmt.Sprintf("lab %q is in use by process %d: waiting for it", lab, pid))
			told = true
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for process %d to end its work on lab %q: %w", pid, lab, ctx.Err())
		}
	}
}

// Release removes the file while it is still locked, so that a waiting process
// notices (see sameFile) and none is left behind. Releasing nil does nothing.
func (l *Lock) Release() {
	if l == nil {
		return
	}
	os.Remove(l.path)
	l.file.Close()
}

func sameFile(file *os.File, path string) bool {
	a, err1 := file.Stat()
	b, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return err
}

// holder reads the process id that the holder wrote; 0 if it has not yet.
func holder(file *os.File) int {
	text := make([]byte, 32)
	n, _ := file.ReadAt(text, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	return pid
}
