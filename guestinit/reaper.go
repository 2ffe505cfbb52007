package guestinit

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// reaper waits for all children, those that it started and the orphans that
// PID 1 inherits. Only it waits: were each started child waited for by its own
// exec.Cmd, a reaper of orphans could take the status first.
type reaper struct {
	mu      sync.Mutex // Held while a child starts, so that its end finds it registered.
	started map[int]chan unix.WaitStatus
}

func newReaper() *reaper {
	return &reaper{started: map[int]chan unix.WaitStatus{}}
}

// start starts a command and returns its PID, and a channel that will have its
// status. The command's Wait must not be called, so its files must be *os.File.
func (r *reaper) start(cmd *exec.Cmd) (pid int, ended <-chan unix.WaitStatus, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	pid = cmd.Process.Pid
	status := make(chan unix.WaitStatus, 1)
	r.started[pid] = status
	return pid, status, cmd.Process.Release()
}

// run reaps whenever a child ended. It returns when signals are stopped, which
// PID 1 never does.
func (r *reaper) run() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGCHLD)
	for range signals {
		r.reap()
	}
}

// reap takes the status of all children that ended: one signal may stand for
// several of them.
func (r *reaper) reap() {
	for {
		r.mu.Lock()
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			r.mu.Unlock()
			continue
		}
		if err != nil || pid <= 0 {
			r.mu.Unlock()
			return
		}
		if ended, ok := r.started[pid]; ok {
			delete(r.started, pid)
			ended <- status
		}
		r.mu.Unlock()
	}
}
