package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/provision"
)

// here is this computer.
type here struct{}

// Here is this computer.
func Here() Site { return here{} }

func (here) Name() string                  { return "" }
func (here) Getenv(variable string) string { return os.Getenv(variable) }
func (here) Lost(time.Duration) error      { return nil }
func (here) Close() error                  { return nil }

func (h here) About() About {
	cpuinfo, err := os.ReadFile("/proc/cpuinfo")
	passwd, _ := os.ReadFile("/etc/passwd") // Without it the first guess holds.
	return About{
		UID: os.Geteuid(), User: "$USER",
		Virtualizes: err != nil || provision.Virtualizes(string(cpuinfo)),
		VhostNet:    exists("/dev/vhost-net"), Systemd: exists("/run/systemd/system"), QEMUUser: qemuUser(string(passwd)),
	}
}

func (here) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (here) ReadFile(_ context.Context, path string) ([]byte, error) { return os.ReadFile(path) }

func (here) ReadFiles(_ context.Context, paths ...string) (all []byte, err error) {
	for i, path := range paths {
		text, err := os.ReadFile(path)
		denied := errors.Is(err, fs.ErrPermission)
		if denied && i == len(paths)-1 || err != nil && !denied && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		all = append(all, text...)
	}
	return all, nil
}

func (here) List(_ context.Context, folder string) (names []string) {
	entries, _ := os.ReadDir(folder) // None is an answer too.
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (here) Files(context.Context, ...string) (fs.FS, error) { return os.DirFS("/"), nil }

func (here) Exists(_ context.Context, path string) bool { return exists(path) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (here) MakeFolder(_ context.Context, path string) error    { return os.MkdirAll(path, 0o700) }
func (here) Remove(_ context.Context, path string)              { _ = os.Remove(path) }
func (here) RemoveAll(_ context.Context, path string) error     { return os.RemoveAll(path) }
func (here) Unsearchable(_ context.Context, path string) string { return unsearchable(path) }

func unsearchable(path string) string {
	at := "/"
	for _, part := range append([]string{""}, strings.Split(filepath.Clean(path), "/")...) {
		at = filepath.Join(at, part)
		info, err := os.Stat(at)
		if err != nil {
			return ""
		}
		if info.IsDir() && info.Mode().Perm()&0o001 == 0 {
			return at
		}
	}
	return ""
}

const netClass = "/sys/class/net"

func (here) Links(context.Context) (map[string]string, error) {
	entries, err := os.ReadDir(netClass)
	if err != nil {
		return nil, fmt.Errorf("list network devices: %w", err)
	}
	links := map[string]string{}
	for _, entry := range entries {
		alias, err := os.ReadFile(aliasFile(entry.Name()))
		if err == nil { // Else it went meanwhile, or is no device.
			links[entry.Name()] = strings.TrimSpace(string(alias))
		}
	}
	return links, nil
}

func aliasFile(link string) string { return filepath.Join(netClass, link, "ifalias") }

func (here) Alias(_ context.Context, link, alias string) {
	_ = os.WriteFile(aliasFile(link), []byte(alias), 0)
}

func (here) RemoveLink(_ context.Context, name string) error {
	link, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	if err == nil {
		err = netlink.LinkDel(link)
	}
	return err
}

func (here) FreePort(context.Context) (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (here) Has(_ context.Context, tool string) bool { return lookup(tool) != "" }

// lookup searches the folders of system daemons too: they are seldom in an
// ordinary user's PATH.
func lookup(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

func (here) Ask(ctx context.Context, tool string, args ...string) string {
	path := lookup(tool)
	if path == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// asking bounds one question to a tool.
const asking = 10 * time.Second

// Start returns when the daemon is in the background. It outlives us, so the context
// ends only the wait. It lets go of its standard error once it is there, and says in
// it why it cannot.
func (here) Start(ctx context.Context, command []string) error {
	cmd := exec.Command(lookup(command[0]), command[1:]...)
	var complaint bytes.Buffer
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = "/", &complaint, time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", command[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			return fmt.Errorf("start %s: %w: %s", command[0], err, strings.TrimSpace(complaint.String()))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("start %s: not in the background: %w", command[0], ctx.Err())
	}
}
