package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// host is the machine as the checks see it. A test gives another one.
type host struct {
	connect string
	// hypervisor looks at another computer's libvirt; nil where this one's is used.
	hypervisor func(context.Context) Finding

	arch   string
	euid   int
	user   string
	root   string // Before every path of the machine; "" but in tests.
	getenv func(string) string
	// run returns a command's output; errNoCommand where there is none.
	run func(ctx context.Context, name string, args ...string) (string, error)
	// writable tells whether this user may open a device for reading and writing.
	writable func(path string) bool
	// free is how many bytes this user may still write under path.
	free func(path string) (uint64, error)
}

var errNoCommand = errors.New("no such command")

func newHost(o Options) *host {
	h := &host{
		connect: o.Connect, hypervisor: o.Hypervisor, arch: runtime.GOARCH, euid: os.Geteuid(), user: userName(),
		getenv: os.Getenv, writable: writable, free: free,
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	h.run = func(ctx context.Context, name string, args ...string) (string, error) {
		return run(ctx, timeout, name, args...)
	}
	h.complete()
	return h
}

// complete fills in what follows from the rest.
func (h *host) complete() {
	if h.connect != "" {
		return
	}
	h.connect = sessionURI
	if h.euid == 0 {
		h.connect = systemURI
	}
}

// sudo stands before a remedy that only root can carry out.
func (h *host) sudo(command string) string {
	if h.euid == 0 {
		return command
	}
	return "sudo " + command
}

func (h *host) path(p string) string { return filepath.Join("/", h.root, p) }

func (h *host) exists(p string) bool {
	_, err := os.Stat(h.path(p))
	return err == nil
}

// read is a file's text without the space around it; "" where it cannot be read.
func (h *host) read(p string) string {
	data, err := os.ReadFile(h.path(p))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// xdg is the folder of Testbed below an XDG base folder.
func (h *host) xdg(variable, fallback string) string {
	if dir := h.getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "testbed")
	}
	return filepath.Join(h.getenv("HOME"), fallback, "testbed")
}

func run(ctx context.Context, timeout time.Duration, name string, args ...string) (string, error) {
	path, err := lookPath(name)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// A child that keeps the pipe open must not outlast the deadline.
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s did not answer within %v", name, timeout)
	case err != nil:
		said, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return "", fmt.Errorf("%s: %w: %s", name, err, said)
	}
	return stdout.String(), nil
}

// lookPath also looks where an ordinary user's PATH does not: daemons and
// iptables are in sbin.
func lookPath(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, errNoCommand)
}

func writable(path string) bool { return unix.Access(path, unix.R_OK|unix.W_OK) == nil }

// free asks about the nearest folder that exists.
func free(path string) (uint64, error) {
	for {
		var s unix.Statfs_t
		err := unix.Statfs(path, &s)
		if err == nil {
			return s.Bavail * uint64(s.Bsize), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return 0, fmt.Errorf("ask for free space at %q: %w", path, err)
		}
		path = filepath.Dir(path)
	}
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}
