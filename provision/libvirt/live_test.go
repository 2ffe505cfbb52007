package libvirt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/testbed-lab/testbed/images"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/libvirt/site"
	"github.com/testbed-lab/testbed/testbed"
)

// The tests of this file boot machines with the libvirt of this computer. What
// they make has the owner test-PID-TEST, and what an earlier run that crashed
// has left is removed before anything else.

// Environment of this test binary when it runs itself, as another user or to be
// killed: where the image is, and what to do with it.
const (
	imageVariable = "TESTBED_TEST_IMAGE" // Folder with vmlinuz, root.cpio and digest.
	roleVariable  = "TESTBED_TEST_ROLE"
)

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "victim" {
		victim()
		return
	}
	os.Exit(m.Run())
}

var testOwner = regexp.MustCompile(`^test-(\d+)-[a-z]+$`)

// collectDead removes what tests of dead processes have left on the system's
// connection.
var collectDead = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	any, err := Open(ctx, Options{Owner: "test-0-none", StateDir: os.TempDir()})
	if err != nil {
		return err
	}
	defer any.Close()
	owners := map[string]bool{}
	err = any.dialer.call(ctx, "list everything", func(l *golibvirt.Libvirt) error { return listOwners(l, owners) })
	if err != nil {
		return err
	}
	for owner := range owners {
		match := testOwner.FindStringSubmatch(owner)
		if match == nil || exists("/proc/"+match[1]) {
			continue
		}
		if err := collect(ctx, owner); err != nil {
			return err
		}
	}
	return nil
})

func listOwners(l *golibvirt.Libvirt, owners map[string]bool) error {
	domains, _, err := l.ConnectListAllDomains(1, 0)
	if err != nil {
		return err
	}
	for _, d := range domains {
		if text, err := l.DomainGetXMLDesc(d, 0); err == nil {
			_, m, _, _ := parseMark(text)
			owners[m.Owner] = true
		}
	}
	networks, _, err := l.ConnectListAllNetworks(1, 0)
	if err != nil {
		return err
	}
	for _, n := range networks {
		if text, err := l.NetworkGetXMLDesc(n, 0); err == nil {
			_, m, _, _ := parseMark(text)
			owners[m.Owner] = true
		}
	}
	pools, _, err := l.ConnectListAllStoragePools(1, 0)
	for _, p := range pools {
		if match := regexp.MustCompile(`^testbed-(test-\d+-[a-z]+)-`).FindStringSubmatch(p.Name); match != nil {
			owners[match[1]] = true
		}
	}
	return err
}

// collect takes down what an owner has, kept or not.
func collect(ctx context.Context, owner string) error {
	dir, err := os.MkdirTemp("", "testbed-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := Open(ctx, Options{Owner: owner, StateDir: dir})
	if err != nil {
		return err
	}
	defer b.Close()
	return b.collectAll(ctx)
}

func (b *Backend) collectAll(ctx context.Context) error {
	labs, err := b.Labs(ctx)
	if err != nil {
		return err
	}
	for _, lab := range labs {
		steps, err := b.Down(ctx, lab.Name)
		if err == nil {
			err = perform(ctx, steps)
		}
		if err != nil {
			return err
		}
	}
	steps, err := b.Garbage(ctx)
	if err != nil {
		return err
	}
	return perform(ctx, steps)
}

// perform does a plan's steps as the conductor does: a stage at a time, the
// steps of one at once.
func perform(ctx context.Context, steps []provision.Step) error {
	for stage := 0; stage <= stageCheck; stage++ {
		group, ctx := errgroup.WithContext(ctx)
		for _, s := range steps {
			if s.Stage == stage && s.Do != nil {
				group.Go(func() error { return s.Do(ctx) })
			}
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// live opens a backend of this test's own, and sees to it that nothing is left.
func live(t *testing.T) *Backend {
	t.Helper()
	if testing.Short() {
		t.Skip("boots machines")
	}
	if os.Geteuid() == 0 {
		require.NoError(t, collectDead())
	}
	owner := fmt.Sprintf("test-%d-%s", os.Getpid(), strings.ToLower(strings.TrimPrefix(t.Name(), "Test")))
	require.Regexp(t, testOwner, owner)
	b, err := Open(t.Context(), Options{Owner: owner, StateDir: t.TempDir(), Progress: func(e progress.Event) { t.Log(e.Detail) }})
	require.NoError(t, err, "scripts/setup installs what boots machines")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		require.NoError(t, b.collectAll(ctx))
		require.NoError(t, b.Close())
		requireNothingLeft(t, owner)
	})
	return b
}

// requireNothingLeft looks past libvirt: at processes, devices and files.
func requireNothingLeft(t *testing.T, owner string) {
	t.Helper()
	for _, pattern := range []string{"/var/log/libvirt/qemu/testbed-" + owner + "-*", "/run/libvirt/qemu/testbed-" + owner + "-*"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.Empty(t, files)
	}
	bridges, err := ownBridges(t.Context(), site.Here(), owner)
	require.NoError(t, err)
	require.Empty(t, bridges)
	require.Empty(t, processes(t, "guest=testbed-"+owner+"-"))
}

// processes lists those whose command line holds the text.
func processes(t *testing.T, text string) []int {
	t.Helper()
	var found []int
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && strings.Contains(string(line), text) {
			found = append(found, pid)
		}
	}
	return found
}

// image builds the image that the tests boot, or finds it in the cache.
func image(t *testing.T) *images.Built {
	t.Helper()
	if dir := os.Getenv(imageVariable); dir != "" {
		digest, err := os.ReadFile(filepath.Join(dir, "digest"))
		require.NoError(t, err)
		return &images.Built{Kernel: filepath.Join(dir, "vmlinuz"), Root: filepath.Join(dir, "root.cpio"), Digest: string(digest)}
	}
	binary := filepath.Join(t.TempDir(), "testbed-init")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "github.com/testbed-lab/testbed/cmd/testbed-init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	init, err := os.ReadFile(binary)
	require.NoError(t, err)
	store, err := images.Open(images.Options{Init: init})
	require.NoError(t, err)
	built, err := store.Build(t.Context(), testbed.Image{Name: "debian", Release: "trixie", Userland: "trixie"}, &images.Lock{})
	require.NoError(t, err)
	return built
}

// exported puts the image where every user may read it.
func exported(t *testing.T, built *images.Built) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "testbed-test-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	for name, from := range map[string]string{"vmlinuz": built.Kernel, "root.cpio": built.Root} {
		data, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "digest"), []byte(built.Digest), 0o644))
	return dir
}

// bootable is a request whose machines boot the image.
func bootable(t *testing.T, b *Backend, built *images.Built, lab string, machines ...string) provision.Request {
	r := request(lab, machines...)
	r.Owner = b.options.Owner
	for i := range r.Machines {
		m := &r.Machines[i]
		m.Kernel, m.Root, m.ImageDigest, m.Cmdline, m.Sysctl = built.Kernel, built.Root, built.Digest, "", nil
	}
	return r
}

func up(t *testing.T, b *Backend, r provision.Request) {
	t.Helper()
	steps, err := b.Plan(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, perform(t.Context(), steps))
}

// asNobody runs a test of this binary as an ordinary user, with a home and a
// runtime folder of its own.
func asNobody(t *testing.T, test string, env ...string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "testbed-nobody-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "test"), program, 0o755))
	const nobody = 65534
	require.NoError(t, os.Chown(dir, nobody, nobody))
	cmd := exec.Command(filepath.Join(dir, "test"), "-test.run", "^"+test+"$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+dir, "XDG_RUNTIME_DIR="+dir, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Setsid: true}
	out, err := cmd.CombinedOutput()
	t.Log(string(out))
	require.NoError(t, err)
	endDaemons(t, dir)
}

// endDaemons ends the session's libvirtd and virtlogd by the pids they wrote;
// by themselves they would go half a minute later.
func endDaemons(t *testing.T, runtime string) {
	files, err := filepath.Glob(filepath.Join(runtime, "libvirt", "*.pid"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		require.NoError(t, err)
		syscall.Kill(pid, syscall.SIGTERM)
		require.Eventually(t, func() bool { return !exists(fmt.Sprintf("/proc/%d", pid)) }, time.Minute, 10*time.Millisecond)
	}
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
