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

// waitsForAnother are in the traces of tasks that another keeps waiting: one that holds
// a lock, or a program that the kernel has started.
var waitsForAnother = []string{"mutex_lock", "rwsem_down", "call_usermodehelper", "rtnl_lock"}

// blockedTasks are those that wait in the kernel and cannot be disturbed, with the
// functions that they are in; those that others wait for stand first.
func blockedTasks(proc string) []proto.BlockedTask {
	stats, err := filepath.Glob(filepath.Join(proc, "[0-9]*/task/[0-9]*/stat"))
	if err != nil {
		return nil
	}
	own := filepath.Join(proc, strconv.Itoa(os.Getpid())) + "/"
	var first, last []proto.BlockedTask
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
		task := proto.BlockedTask{Name: name, Frames: stack.Frames(string(text))}
		if slices.ContainsFunc(waitsForAnother, func(f string) bool { return strings.Contains(string(text), f) }) {
			last = append(last, task)
		} else if len(task.Frames) > 0 {
			first = append(first, task)
		}
	}
	all := append(first, last...)
	return all[:min(len(all), blockedMost)]
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
