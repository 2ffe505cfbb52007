package harness

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Needs skips a test where a command is missing that set-up installs for tests, or
// fails it where set-up has run. The command may be a path.
func Needs(t testing.TB, command, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(command); err == nil {
		return
	}
	if os.Getenv("TESTBED_BUILT") != "" {
		t.Fatalf("this machine lacks %s, which scripts/setup --test installs (%s)", command, pkg)
	}
	t.Skipf("this machine lacks %s: apt-get install %s", command, pkg)
}

// LocalRemains fails a test where something of the suite's is left of the backend that
// makes namespaces. It asks the kernel and the file system, not the program.
func (s *Suite) LocalRemains(t testing.TB) {
	t.Helper()
	folder := "/run/testbed/local/" + s.Owner
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), folder) {
		t.Fatalf("something is mounted below %s yet:\n%s", folder, mounts)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Fatalf("%s is there yet", folder)
	}
}
