package guestinit

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// sessionMembers lists the processes of a session (setsid(2)): an interactive
// shell gives each job a process group of its own, but all share the session.
func sessionMembers(leader int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var members []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && sessionOf(string(stat)) == leader {
			members = append(members, pid)
		}
	}
	return members
}

// sessionOf reads the session from /proc/PID/stat (proc(5)). The name in
// brackets may hold anything, also brackets.
func sessionOf(stat string) int {
	rest := stat[strings.LastIndexByte(stat, ')')+1:]
	fields := strings.Fields(rest) // state, parent, group, session, …
	if len(fields) < 4 {
		return -1
	}
	session, err := strconv.Atoi(fields[3])
	if err != nil {
		return -1
	}
	return session
}
