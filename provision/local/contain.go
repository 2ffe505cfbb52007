package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/provision"
)

// containedVariable marks a process that [Contain] started.
const containedVariable = "TESTBED_CONTAINED"

// hidden is a folder that every kernel has and nothing that measures looks into.
// A contained process mounts its labs there, seen by itself alone, so that
// nothing is left in any real folder, however it ends.
const hidden = "/sys/firmware"

func contained() bool { return os.Getenv(containedVariable) == "1" }

// NeedsContainment says whether this process has to be contained to make machines.
func NeedsContainment() bool { return os.Geteuid() != 0 && !contained() }

// Contain runs this program again, with the same arguments and streams, in a
// user, network and mount namespace of its own, where an ordinary user may do
// what root may. All that it makes ends with it. A command's own failure is a
// [*provision.ExitError].
func Contain() error {
	// The child is told when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	child := exec.Command("/proc/self/exe", os.Args[1:]...)
	child.Args[0] = os.Args[0]
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.Env = append(os.Environ(), containedVariable+"=1", "TESTBED_OWNER="+provision.Owner())
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Setpgid:     true, // Signals reach it from us, once.
		Pdeathsig:   syscall.SIGTERM,
	}
	if err := child.Start(); err != nil {
		return fmt.Errorf("make a user namespace: %w%s", err, forbidding())
	}
	stop := relay(child.Process)
	defer stop()
	err := child.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &provision.ExitError{Status: statusOf(exit)}
	}
	return err
}

// relay hands on the signals that would end us, in place of whatever else they did.
func relay(to *os.Process) (stop func()) {
	ending := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
	signal.Reset(ending...)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, ending...)
	go func() {
		for s := range signals {
			_ = to.Signal(s)
		}
	}()
	return func() { signal.Stop(signals); close(signals) }
}

// limits are the settings by which a system forbids user namespaces to ordinary
// users, with the value that does and the one that allows them.
var limits = []struct{ path, forbids, allows string }{
	{"kernel/unprivileged_userns_clone", "0", "1"},
	{"user/max_user_namespaces", "0", "10000"},
	{"kernel/apparmor_restrict_unprivileged_userns", "1", "0"},
}

// Forbidden says by which setting this system forbids user namespaces to
// ordinary users, and the command that allows them. Both are empty where it does
// not. Root stands before every path; "" but in tests.
func Forbidden(root string) (why, remedy string) {
	for _, l := range limits {
		text, err := os.ReadFile(filepath.Join("/", root, "proc/sys", l.path))
		if err == nil && strings.TrimSpace(string(text)) == l.forbids {
			name := strings.ReplaceAll(l.path, "/", ".")
			return name + " is " + l.forbids, "sudo sysctl " + name + "=" + l.allows
		}
	}
	return "", ""
}

// forbidding ends an error with the setting that is in the way, if one is.
func forbidding() string {
	why, remedy := Forbidden("")
	if why == "" {
		return ""
	}
	return fmt.Sprintf(": this system forbids it to ordinary users (%s); allow it with: %s, or run as root", why, remedy)
}

// hide mounts the place for labs, once in a process.
func hide() error {
	var at unix.Statfs_t
	if unix.Statfs(hidden, &at) == nil && at.Type == unix.TMPFS_MAGIC && unix.Access(hidden, unix.W_OK) == nil {
		return nil
	}
	if err := unix.Mount("testbed", hidden, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount a private tmpfs at %s: %w%s", hidden, err, forbidding())
	}
	return nil
}
