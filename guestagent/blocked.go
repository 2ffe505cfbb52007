package guestagent

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/stack"
)

// blockedMost bounds how many tasks are told of.
const blockedMost = 4

// blockedTasks are those that wait in the kernel and cannot be disturbed, with the
// functions that they are in. Those that others may wait for stand first; for a lock
// itself no function stands in a trace (it is one of the scheduler's).
func blockedTasks(proc string) []proto.BlockedTask {
	stats, err := filepath.Glob(filepath.Join(proc, "[0-9]*/task/[0-9]*/stat"))
	if err != nil {
		return nil
	}
	own := filepath.Join(proc, strconv.Itoa(os.Getpid())) + "/"
	var all []proto.BlockedTask
	for _, stat := range stats {
		name, blocked := blockedName(stat)
		if !blocked {
			continue
		}
		text, err := os.ReadFile(filepath.Join(filepath.Dir(stat), "stack")) // CONFIG_STACKTRACE, and root.
		if err != nil {
			continue
		}
		if strings.HasPrefix(stat, own) {
			name = "the agent" // Which has started itself again, from a file called exe.
		}
		if frames := stack.Frames(string(text)); len(frames) > 0 {
			all = append(all, proto.BlockedTask{Name: name, Frames: frames})
		}
	}
	slices.SortStableFunc(all, func(a, b proto.BlockedTask) int { return rank(a) - rank(b) })
	return all[:min(len(all), blockedMost)]
}

// rank is the lower the more likely others wait for the task: one in a module, which is
// what modes are made of, more than one that waits for a program that the kernel started,
// and that more than one of the kernel's own workers.
func rank(task proto.BlockedTask) int {
	switch {
	case strings.HasPrefix(task.Name, "kworker/"):
		return 3
	case strings.HasPrefix(task.Frames[0], "call_usermodehelper"):
		return 2
	case slices.ContainsFunc(task.Frames, func(f string) bool { return strings.HasSuffix(f, "]") }):
		return 0
	}
	return 1
}

// blockedName reads the name of a task whose state is D, "uninterruptible". A name may
// hold blanks and parentheses, so the last one ends it.
func blockedName(stat string) (name string, blocked bool) {
	text, err := os.ReadFile(stat)
	if err != nil {
		return "", false
	}
	_, rest, _ := strings.Cut(string(text), "(")
	end := strings.LastIndex(rest, ")")
	return rest[:max(end, 0)], end >= 0 && strings.HasPrefix(rest[end:], ") D")
}
