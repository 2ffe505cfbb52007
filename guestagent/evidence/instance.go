package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Instances of ours are called testbed-KIND-PID-NUMBER.
const (
	instances = "instances"
	ours      = "testbed-"
)

// instance is a part of tracefs with a buffer, events and tracer of its own, beside what
// a person traces. It is locked for as long as its process lives, so that what a dead
// agent left is told from what another one uses.
type instance struct {
	*tracefs
	lock *os.File
}

// instance makes one. What dead agents left goes first. Options of the function graph are
// all instances', so that one pass of that kind can be at a time.
func (t *tracefs) instance(kind Kind) (*instance, error) {
	all, err := t.lockAll()
	if err != nil {
		return nil, fmt.Errorf("lock tracefs/%s: %w", instances, err)
	}
	defer all.Close()
	live, err := t.sweep(all)
	if err != nil {
		return nil, err
	}
	if kind == Graph && slices.ContainsFunc(live, isGraph) {
		return nil, errors.New("somebody traces functions with another testbed on this kernel; wait until that has ended")
	}
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s%s-%d-%d", ours, kind, os.Getpid(), n)
		err := unix.Mkdirat(t.root, path.Join(instances, name), 0o700)
		if errors.Is(err, unix.EEXIST) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("make tracefs/%s/%s: %w", instances, name, err)
		}
		made := t.at(name)
		lock, err := made.tryLock()
		if err != nil {
			return nil, errors.Join(err, made.remove())
		}
		return &instance{made, lock}, nil
	}
}

func isGraph(name string) bool { return strings.HasPrefix(name, ours+string(Graph)+"-") }

// at is an instance of that name.
func (t *tracefs) at(name string) *tracefs {
	return &tracefs{root: t.root, folder: path.Join(instances, name)}
}

// remove ends what an instance traces too.
func (t *tracefs) remove() error {
	if err := unix.Unlinkat(t.root, t.folder, unix.AT_REMOVEDIR); err != nil {
		return fmt.Errorf("remove tracefs/%s: %w", t.folder, err)
	}
	return nil
}

// end removes the instance, and lets it go after that: nobody else is to.
func (i *instance) end() error {
	defer i.lock.Close()
	return i.remove()
}

// lockAll has others wait who make or remove instances.
func (t *tracefs) lockAll() (*os.File, error) {
	all, err := t.open(instances, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(all.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(err, all.Close())
	}
	return all, nil
}

// tryLock fails with EWOULDBLOCK where the process that made an instance lives.
func (t *tracefs) tryLock() (*os.File, error) {
	folder, err := t.open("", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return folder, nil
}

// Sweep ends the tracing that a dead agent left on.
func Sweep() error {
	t, err := openTracefs()
	if err != nil {
		return nil // Where nothing can be traced nothing was left.
	}
	defer t.close()
	all, err := t.lockAll()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock tracefs/%s: %w", instances, err)
	}
	defer all.Close()
	_, err = t.sweep(all)
	return err
}

// sweep removes the instances of dead agents, and gives the names of the others.
func (t *tracefs) sweep(all *os.File) (live []string, err error) {
	names, err := all.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list tracefs/%s: %w", instances, err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, ours) {
			continue
		}
		left := t.at(name)
		lock, err := left.tryLock()
		if errors.Is(err, unix.EWOULDBLOCK) {
			live = append(live, name)
			continue
		}
		if err == nil {
			err = errors.Join(t.calm(name), left.remove(), lock.Close())
		}
		if err != nil {
			return nil, fmt.Errorf("end the tracing that a dead agent left on: %w", err)
		}
	}
	return live, nil
}

// calm ends a function graph beside the instance that stands for it: see [Tracer.borrow].
func (t *tracefs) calm(name string) error {
	own, err := t.at(name).offers(functionGraph)
	if own || err != nil || !isGraph(name) {
		return err
	}
	if tracer, err := t.read("current_tracer"); err != nil || strings.TrimSpace(tracer) != functionGraph {
		return err
	}
	return t.set([][2]string{{"current_tracer", "nop"}, {"set_event", ""}, {"set_ftrace_filter", ""}, {"trace", ""}})
}
