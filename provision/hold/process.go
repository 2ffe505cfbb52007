package hold

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Process identifies a process for as long as the host is up: process ids are
// used again, a start time and a boot id with them are not.
type Process struct {
	PID   int
	Start uint64 // Clock ticks after boot; field 22 of /proc/PID/stat.
	Boot  string // The kernel's boot id.
}

// This is the process that asks.
func This() Process {
	pid := os.Getpid()
	start, _ := startTime(pid)
	return Process{PID: pid, Start: start, Boot: bootID()}
}

func (p Process) String() string { return fmt.Sprintf("%d/%d/%s", p.PID, p.Start, p.Boot) }

// ParseProcess reads what String wrote. It returns the zero process, which is
// never alive, for other text.
func ParseProcess(s string) Process {
	parts := strings.SplitN(s, "/", 3)
	if len(parts) != 3 {
		return Process{}
	}
	pid, err1 := strconv.Atoi(parts[0])
	start, err2 := strconv.ParseUint(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return Process{}
	}
	return Process{PID: pid, Start: start, Boot: parts[2]}
}

// Alive says whether that very process still runs.
func (p Process) Alive() bool {
	if p.PID <= 0 || p.Boot != bootID() {
		return false
	}
	start, err := startTime(p.PID)
	return err == nil && start == p.Start
}

func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// startTime reads past the command's name, which may hold spaces and brackets.
func startTime(pid int) (uint64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const afterName = 22 - 3 // Fields 1 and 2 are gone, and counting starts at 0.
	if len(fields) <= afterName {
		return 0, fmt.Errorf("read start time of process %d: %d fields", pid, len(fields))
	}
	if fields[0] == "Z" {
		return 0, fmt.Errorf("process %d is a zombie", pid)
	}
	return strconv.ParseUint(fields[afterName], 10, 64)
}
