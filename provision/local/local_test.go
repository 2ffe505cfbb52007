package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

const roleVariable = "TESTBED_LOCAL_TEST_ROLE"

// testOwner marks all that these tests make: the same in every run of this
// checkout, so that a run collects what a killed one left.
func testOwner() string {
	here, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("test-%x", sha256.Sum256([]byte(here)))[:17]
}

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "victim" {
		victim()
		return
	}
	if os.Geteuid() != 0 {
		os.Exit(m.Run())
	}
	collect()
	status := m.Run()
	collect()
	os.Exit(status)
}

// apart runs a test of this name in a network namespace of its own, which to it is
// this machine's, and reports whether it is there already: other packages' tests
// make bridges in the real one meanwhile.
func apart(t *testing.T) (already bool) {
	t.Helper()
	if os.Getenv(roleVariable) == "apart" {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), roleVariable+"=apart")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

func collect() {
	b, err := Open(Options{Owner: testOwner()})
	if err == nil {
		var labs []string
		labs, err = b.folder.labs()
		for _, lab := range labs {
			err = errors.Join(err, takeAway(b.folder.lab(lab)), os.RemoveAll(b.folder.lockPath(lab)))
		}
		err = errors.Join(err, b.Close())
	}
	if err != nil {
		panic(err)
	}
}

// live is a backend on this kernel.
func live(t *testing.T) *Backend {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this machine lacks root: network namespaces cannot be made")
	}
	b, err := Open(Options{Owner: testOwner()})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.Close())
		collect()
	})
	return b
}

// request is machines on one network, in the order of their addresses.
func request(lab string, names ...string) provision.Request {
	r := provision.Request{
		Lab: lab, Source: "/labs/" + lab + ".hcl",
		Networks: []testbed.Network{{Name: "lan", Subnet: netip.MustParsePrefix("10.77.0.0/24"), MTU: 1400}},
	}
	for i, name := range names {
		r.Machines = append(r.Machines, provision.MachineRequest{Machine: testbed.Machine{
			Name: name, Image: "debian", CPUs: 1, Memory: 1 << 28,
			NICs: []testbed.NIC{nic("lan", "eth1", i+1)},
		}})
	}
	return r
}

func nic(network, device string, number int) testbed.NIC {
	return testbed.NIC{
		Network: network, Device: device, MAC: fmt.Sprintf("52:54:00:00:%02x:%02x", len(network), number),
		Address: netip.MustParsePrefix(fmt.Sprintf("10.77.%d.%d/24", len(network)-3, number)),
	}
}

func perform(ctx context.Context, steps []provision.Step) error {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b provision.Step) int { return a.Stage - b.Stage })
	for _, s := range steps {
		if s.Do == nil {
			continue
		}
		if err := s.Do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

func listed(steps []provision.Step) (lines []string) {
	for _, s := range steps {
		line := string(s.Action) + " " + s.Name
		if s.Why != "" {
			line += ": " + s.Why
		}
		lines = append(lines, line)
	}
	return lines
}

func up(t *testing.T, b *Backend, r provision.Request) []provision.Step {
	t.Helper()
	steps, err := b.Plan(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, perform(t.Context(), steps))
	return steps
}

func down(t *testing.T, b *Backend, lab string) {
	t.Helper()
	steps, err := b.Down(t.Context(), lab)
	require.NoError(t, err)
	require.NoError(t, perform(t.Context(), steps))
}

// said is the output of a command on a machine.
func said(t *testing.T, b *Backend, lab, name string, args ...string) string {
	t.Helper()
	m, err := b.Machine(t.Context(), lab, name)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, m.Exec(t.Context(), provision.Command{Args: args, Stdout: &out, Stderr: &out}), out.String())
	return strings.TrimSpace(out.String())
}

// requireNothingLeft asks the kernel and the file system, not the backend.
func requireNothingLeft(t *testing.T) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), testOwner())
	require.NoDirExists(t, "/run/testbed/local/"+testOwner())
	require.Eventually(t, func() bool { return len(namespaces(t)) == 0 }, 5*time.Second, 10*time.Millisecond,
		"namespaces that processes are in: %v", namespaces(t))
}

// namespaces are those that children of this process are in, and no longer this
// process itself.
func namespaces(t *testing.T) (found []string) {
	t.Helper()
	own, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	out, _ := exec.Command("pgrep", "-P", fmt.Sprint(os.Getpid())).Output()
	for pid := range strings.FieldsSeq(string(out)) {
		if its, err := os.Readlink("/proc/" + pid + "/ns/net"); err == nil && its != own {
			found = append(found, pid+" "+its)
		}
	}
	return found
}
