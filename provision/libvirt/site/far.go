package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/testbed-lab/testbed/provision"
)

// Tunnel is a connection to a computer by the user's ssh.
type Tunnel interface {
	// Output runs a script of POSIX shell; one that failed is a
	// [*provision.ExitError].
	Output(ctx context.Context, script string, args ...string) ([]byte, error)
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Lost is why it is no more; nil while it is, also after some patience.
	Lost(patience time.Duration) error
	Close() error
}

// far is a computer that a tunnel leads to.
type far struct {
	name  string
	open  func(context.Context) (Tunnel, error)
	about About
	env   map[string]string

	mu     sync.Mutex
	tunnel Tunnel
}

// Far is the computer of that name, which open connects to: now, and again when the
// connection was cut and something is wanted there.
func Far(ctx context.Context, name string, open func(context.Context) (Tunnel, error)) (Site, error) {
	f := &far{name: name, open: open}
	tunnel, err := f.reach(ctx)
	if err != nil {
		return nil, err
	}
	text, err := tunnel.Output(ctx, describe)
	if err == nil {
		f.about, f.env, err = parseAbout(string(text))
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("ask %s what it is: %w", name, err)
	}
	return f, nil
}

// describe says what [About] holds, a line each.
const describe = `echo "uid $(id -u)"
echo "user $(id -un)"
[ ! -e /dev/vhost-net ] || echo "vhost yes"
[ ! -d /run/systemd/system ] || echo "systemd yes"
echo "qemu $(cut -d: -f1 /etc/passwd | grep -x -e libvirt-qemu -e qemu | sort | tail -n 1)"
for v in HOME XDG_RUNTIME_DIR XDG_CACHE_HOME XDG_DATA_HOME; do eval "echo \"env $v=\$$v\""; done
echo cpuinfo
sed '/^$/q' /proc/cpuinfo`

func parseAbout(text string) (a About, env map[string]string, err error) {
	head, cpuinfo, whole := strings.Cut(text, "\ncpuinfo\n")
	if !whole {
		return a, nil, fmt.Errorf("it says only %q", text)
	}
	said := map[string]string{}
	env = map[string]string{}
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if name, content, is := strings.Cut(value, "="); is && key == "env" {
			env[name] = content
			continue
		}
		said[key] = value
	}
	if a.UID, err = strconv.Atoi(said["uid"]); err != nil {
		return a, nil, fmt.Errorf("its user's id: %w", err)
	}
	a.User = said["user"]
	a.Virtualizes = cpuinfo == "" || provision.Virtualizes(cpuinfo)
	a.VhostNet, a.Systemd = said["vhost"] != "", said["systemd"] != ""
	a.QEMUUser = qemuUser(said["qemu"] + ":")
	return a, env, nil
}

func (f *far) Name() string                  { return f.name }
func (f *far) About() About                  { return f.about }
func (f *far) Getenv(variable string) string { return f.env[variable] }

// reach gives the tunnel, and makes it anew where it was cut.
func (f *far) reach(ctx context.Context) (Tunnel, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tunnel != nil && f.tunnel.Lost(0) == nil {
		return f.tunnel, nil
	}
	if f.tunnel != nil {
		_ = f.tunnel.Close()
		f.tunnel = nil
	}
	tunnel, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	f.tunnel = tunnel
	return tunnel, nil
}

func (f *far) Lost(patience time.Duration) error {
	f.mu.Lock()
	tunnel := f.tunnel
	f.mu.Unlock()
	if tunnel == nil {
		return nil
	}
	return tunnel.Lost(patience)
}

func (f *far) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tunnel == nil {
		return nil
	}
	err := f.tunnel.Close()
	f.tunnel = nil
	return err
}

// sh runs a script there.
func (f *far) sh(ctx context.Context, script string, args ...string) ([]byte, error) {
	tunnel, err := f.reach(ctx)
	if err != nil {
		return nil, err
	}
	return tunnel.Output(ctx, script, args...)
}

// done says whether a script ran and succeeded.
func (f *far) done(ctx context.Context, script string, args ...string) bool {
	_, err := f.sh(ctx, script, args...)
	return err == nil
}

// Exit statuses by which a script says what is wrong with a file.
const (
	statusNone   = 44
	statusDenied = 45
)

// checkFile ends the script where the file cannot be used as $2 says.
const checkFile = `[ -e "$1" ] || exit 44
[ "$2" "$1" ] || exit 45
`

// of makes an error of package os of what such a script ended with.
func (f *far) of(what, path string, err error) error {
	var exit *provision.ExitError
	if errors.As(err, &exit) {
		switch exit.Status {
		case statusNone:
			err = fs.ErrNotExist
		case statusDenied:
			err = fs.ErrPermission
		}
	}
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: what, Path: f.name + ":" + path, Err: err}
}

// Dial looks at a socket first: through the tunnel all that is wrong with one is a
// connection that ends at once.
func (f *far) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "unix" {
		if _, err := f.sh(ctx, checkFile, address, "-w"); err != nil {
			return nil, f.of("connect to", address, err)
		}
	}
	tunnel, err := f.reach(ctx)
	if err != nil {
		return nil, err
	}
	return tunnel.Dial(ctx, network, address)
}

func (f *far) ReadFile(ctx context.Context, path string) ([]byte, error) {
	text, err := f.sh(ctx, checkFile+`exec cat -- "$1"`, path, "-r")
	return text, f.of("read", path, err)
}

func (f *far) ReadFiles(ctx context.Context, paths ...string) ([]byte, error) {
	text, err := f.sh(ctx, `for p; do
	[ ! -r "$p" ] || cat -- "$p"
done
if [ -e "$p" ] && [ ! -r "$p" ]; then exit 45; fi
d=${p%/*}
if [ -d "$d" ] && [ ! -x "$d" ]; then exit 45; fi
exit 0`, paths...)
	return text, f.of("read", paths[len(paths)-1], err)
}

func (f *far) List(ctx context.Context, folder string) []string {
	text, err := f.sh(ctx, `exec ls -A -- "$1"`, folder)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text)) // Names of ours hold no space.
}

// Files come in one answer, each after its name (the format txtar).
func (f *far) Files(ctx context.Context, patterns ...string) (fs.FS, error) {
	text, err := f.sh(ctx, `cd /
for pattern; do
	for name in $pattern; do
		[ ! -f "$name" ] || { echo "-- $name --"; cat "$name" 2>/dev/null; }
	done
done
exit 0`, patterns...)
	if err != nil {
		return nil, fmt.Errorf("read files of %s: %w", f.name, err)
	}
	return txtar.FS(txtar.Parse(text))
}

func (f *far) Exists(ctx context.Context, path string) bool {
	return f.done(ctx, `[ -e "$1" ] || [ -L "$1" ]`, path)
}

func (f *far) MakeFolder(ctx context.Context, path string) error {
	_, err := f.sh(ctx, `umask 077; exec mkdir -p -- "$1"`, path)
	return f.of("make", path, err)
}

func (f *far) Remove(ctx context.Context, path string) {
	f.done(ctx, `rmdir -- "$1" 2>/dev/null || rm -f -- "$1" 2>/dev/null`, path)
}

func (f *far) RemoveAll(ctx context.Context, path string) error {
	_, err := f.sh(ctx, `exec rm -rf -- "$1"`, path)
	return f.of("remove", path, err)
}

func (f *far) Unsearchable(ctx context.Context, path string) string {
	text, err := f.sh(ctx, `p=$1; while [ -n "$p" ]; do
	[ -d "$p" ] && case $(stat -L -c %A -- "$p") in *x|*t) ;; *) echo "$p" ;; esac
	p=${p%/*}
done`, path)
	lines := strings.Fields(string(text))
	if err != nil || len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

func (f *far) Links(ctx context.Context) (map[string]string, error) {
	text, err := f.sh(ctx, `cd /sys/class/net && for n in *; do [ ! -e "$n/ifalias" ] || echo "$n $(cat "$n/ifalias")"; done`)
	if err != nil {
		return nil, fmt.Errorf("list the network devices of %s: %w", f.name, err)
	}
	links := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, alias, _ := strings.Cut(strings.TrimSpace(line), " ")
		links[name] = alias
	}
	return links, nil
}

func (f *far) Alias(ctx context.Context, link, alias string) {
	f.done(ctx, `printf %s "$2" 2>/dev/null >"/sys/class/net/$1/ifalias"`, link, alias)
}

func (f *far) RemoveLink(ctx context.Context, link string) error {
	_, err := f.sh(ctx, path+`[ ! -e "/sys/class/net/$1" ] || exec ip link delete "$1"`, link)
	return err
}

// Ports that are looked for far away are below those that Linux gives out by itself
// (32768 and up).
const firstPort, lastPort = 20000, 32767

func (f *far) FreePort(ctx context.Context) (int, error) {
	text, err := f.sh(ctx, `exec cat /proc/net/tcp`)
	if err != nil {
		return 0, fmt.Errorf("find a free port of %s: %w", f.name, err)
	}
	for range lastPort - firstPort {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !strings.Contains(string(text), fmt.Sprintf(":%04X ", port)) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port of %s: all are in use", f.name)
}

// path goes before scripts that run tools of system daemons.
const path = "PATH=$PATH:/usr/sbin:/usr/local/sbin:/sbin\n"

func (f *far) Has(ctx context.Context, tool string) bool {
	return f.done(ctx, path+`command -v "$1" >/dev/null`, tool)
}

func (f *far) Ask(ctx context.Context, tool string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	text, err := f.sh(ctx, path+`exec "$@" 2>/dev/null`, append([]string{tool}, args...)...)
	if err != nil {
		return ""
	}
	return string(text)
}

// Start lets go of all of the connection, which a daemon would hold open.
func (f *far) Start(ctx context.Context, command []string) error {
	_, err := f.sh(ctx, path+`cd /; said=$("$@" 2>&1 </dev/null >/dev/null) || { echo "$said" >&2; exit 1; }`, command...)
	if err != nil {
		return fmt.Errorf("start %s on %s: %w", command[0], f.name, err)
	}
	return nil
}
