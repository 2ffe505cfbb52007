package slurm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/testbed-lab/testbed/internal/e2e/harness"
)

// suite is what this test has in common with others that drive the program, and mark
// stands in the environment of all that it starts.
var (
	suite = harness.NewSuite("slurm", "../../../bin/testbed", []string{"gc", "--backend", "local"})
	mark  = "TESTBED_SLURM_TEST=" + suite.Owner
)

func TestMain(m *testing.M) {
	suite.Before = func() error {
		if err := endMarked(func(environment) bool { return true }); err != nil {
			return err
		}
		return removeFolders()
	}
	suite.Main(m)
}

// folderPrefix is what the names of temporary folders begin with.
var folderPrefix = "tb-slurm-" + suite.Owner + "-"

// removeFolders removes those of a run that was killed.
func removeFolders() error {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
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
func endMarked(which func(environment) bool) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		pids := marked(which)
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("end processes %v: they are there after a minute of killing", pids)
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
