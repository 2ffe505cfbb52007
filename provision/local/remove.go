package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/provision"
)

func removeMachineStep(l labFolder, stage int, name, why string) provision.Step {
	return provision.Step{Stage: stage, Name: "remove " + name, Action: provision.Remove, Why: why,
		Do: func(context.Context) error { return takeMachineAway(l.machine(name)) }}
}

func removeNetworkStep(l labFolder, stage int, name, why string) provision.Step {
	return provision.Step{Stage: stage, Name: "unwire " + name, Action: provision.Remove, Why: why,
		Do: func(context.Context) error { return removeSpace(l.network(name)) }}
}

// takeMachineAway is a machine's power cord: what runs on it ends.
func takeMachineAway(folder string) error {
	if err := endAll(filepath.Join(folder, "net")); err != nil {
		return err
	}
	if err := removeSpace(folder); err != nil {
		return fmt.Errorf("remove machine %q: %w", filepath.Base(folder), err)
	}
	return nil
}

// takeAway removes a lab, whatever there is of it.
func takeAway(l labFolder) error {
	for _, name := range entries(l.in("machines")) {
		if err := takeMachineAway(l.machine(name)); err != nil {
			return err
		}
	}
	return l.remove()
}

// endTimeout bounds the wait for processes that were ended: one may hang in the
// kernel.
const endTimeout = 5 * time.Second

// endAll ends the processes in a machine's namespace, but for this one.
func endAll(space string) error {
	if !isNamespace(space) {
		return nil
	}
	var wanted unix.Stat_t
	if err := unix.Stat(space, &wanted); err != nil {
		return fmt.Errorf("look at %q: %w", space, err)
	}
	for deadline := time.Now().Add(endTimeout); ; time.Sleep(2 * time.Millisecond) {
		found, err := endOnce(&wanted)
		if err != nil || !found {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("end what runs on machine %q: it still does after %v", filepath.Base(filepath.Dir(space)), endTimeout)
		}
	}
}

func endOnce(space *unix.Stat_t) (found bool, err error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return false, err
	}
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil || pid == os.Getpid() || !isIn(pid, space) {
			continue
		}
		// The descriptor stays this process's, so that an id that is used
		// again between two looks ends nobody else.
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // It has ended.
		}
		if isIn(pid, space) {
			found = true
			err = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
		unix.Close(fd)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return false, fmt.Errorf("end process %d: %w", pid, err)
		}
	}
	return found, nil
}

func isIn(pid int, space *unix.Stat_t) bool {
	var its unix.Stat_t
	return unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &its) == nil && its.Dev == space.Dev && its.Ino == space.Ino
}
