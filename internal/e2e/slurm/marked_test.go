package slurm

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// program is the binary under test: what `make build` made.
var program = must(filepath.Abs("../../../bin/testbed"))

// owner marks all that the test makes, and mark stands in the environment of all that it
// starts; the same in every run of this checkout.
var (
	owner = fmt.Sprintf("test-%x", sha256.Sum256([]byte(program+" slurm")))[:17]
	mark  = "TESTBED_SLURM_TEST=" + owner
)

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

func TestMain(m *testing.M) {
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintln(os.Stderr, "slurm: no program to test; run `make build`:", err)
		os.Exit(1)
	}
	collect()
	status := m.Run()
	collect()
	os.Exit(status)
}

// folderPrefix is what the names of temporary folders begin with.
var folderPrefix = "tb-slurm-" + owner + "-"

// collect ends what a killed run left, removes its folders, and has the program remove its
// machines.
func collect() {
	endMarked(func(environment) bool { return true })
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "slurm: remove what an earlier run left:", err)
			os.Exit(1)
		}
	}
	cmd := exec.Command(program, "gc", "--backend", "local")
	cmd.Env = append(os.Environ(), "TESTBED_OWNER="+owner)
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "slurm: testbed gc: %v\n%s", err, out)
		os.Exit(1)
	}
}

// environment of a process, as it was started.
type environment []string

func (e environment) get(name string) string {
	for _, entry := range e {
		if value, is := strings.CutPrefix(entry, name+"="); is {
			return value
		}
	}
	return ""
}

// marked are the processes that the test has started, of this run or of one that was
// killed, but for its own.
func marked(which func(environment) bool) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		env := environmentOf(pid)
		if pid != os.Getpid() && slices.Contains(env, mark) && which(env) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// environmentOf is empty of a process that is gone.
func environmentOf(pid int) environment {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return strings.Split(string(text), "\x00")
}

// taskOf is the number of a task's cell; 0 of a process that is gone.
func taskOf(pid int) int {
	number, _ := strconv.Atoi(environmentOf(pid).get("SLURM_ARRAY_TASK_ID"))
	return number
}

func commandOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return string(text)
}

// parentOf is 0 of a process that is gone.
func parentOf(pid int) (parent int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := strings.Cut(string(text), "\nPPid:")
	_, _ = fmt.Sscan(after, &parent)
	return parent
}

// endMarked kills such processes until there are none, for one may start another while it
// is looked for.
func endMarked(which func(environment) bool) {
	for pids := marked(which); len(pids) > 0; pids = marked(which) {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
