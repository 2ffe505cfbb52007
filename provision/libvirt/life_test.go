package libvirt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/libvirt/site"
)

// A lab comes up, is used, changes in one machine, and goes; on the system's
// connection for root, on a session for others.
func TestLife(t *testing.T) {
	b := live(t)
	r := bootable(t, b, image(t), "life", "client", "server")
	up(t, b, r)

	labs, err := b.Labs(t.Context())
	require.NoError(t, err)
	require.Len(t, labs, 1)
	require.Equal(t, r.Source, labs[0].Source)
	require.Equal(t, []string{"client", "server"}, []string{labs[0].Machines[0].Name, labs[0].Machines[1].Name})
	require.Equal(t, "running", labs[0].Machines[0].State)
	require.Equal(t, []string{"lan"}, labs[0].Networks)

	useMachine(t, b)
	requireOnlyLoopback(t, b)
	facts, err := b.Facts(t.Context(), "life")
	require.NoError(t, err)
	require.Contains(t, facts["qemu_command_lines"].(map[string]string)["life/client"], "restrict=on")

	changeServer(t, b, r)
	requireKept(t, b)

	other := r
	other.Source = "/elsewhere/lab.hcl"
	_, err = b.Plan(t.Context(), other)
	require.ErrorContains(t, err, "a lab of that name runs from "+r.Source)
	require.ErrorContains(t, err, "testbed down life")

	steps, err := b.Down(t.Context(), "life")
	require.NoError(t, err)
	require.NoError(t, perform(t.Context(), steps))
	requireGone(t, b)
}

func useMachine(t *testing.T, b *Backend) {
	t.Helper()
	m, err := b.Machine(t.Context(), "life", "client")
	require.NoError(t, err)
	defer m.Close()
	var out bytes.Buffer
	require.NoError(t, m.Exec(t.Context(), provision.Command{Args: []string{"cat"}, Stdin: strings.NewReader("hello"), Stdout: &out}))
	require.Equal(t, "hello", out.String())
	var exit *provision.ExitError
	require.ErrorAs(t, m.Exec(t.Context(), provision.Command{Args: []string{"sh", "-c", "exit 42"}}), &exit)
	require.Equal(t, 42, exit.Status)

	data := bytes.Repeat([]byte("agent"), 200_000)
	path, err := m.PushAgent(t.Context(), data)
	require.NoError(t, err)
	out.Reset()
	require.NoError(t, m.Exec(t.Context(), provision.Command{Args: []string{"sha256sum", path}, Stdout: &out}))
	require.Contains(t, out.String(), sha(data))

	log, err := m.ConsoleLog(t.Context())
	require.NoError(t, err)
	require.True(t, judge(log).ready)
	require.Empty(t, provision.Trouble(log))

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, m.Exec(ctx, provision.Command{Args: []string{"sleep", "1000"}}), context.DeadlineExceeded)
	useConsole(t, m)
}

// useConsole types on the serial port and reads what comes back.
func useConsole(t *testing.T, m provision.Machine) {
	t.Helper()
	console, err := m.Console(t.Context())
	require.NoError(t, err)
	stop := time.AfterFunc(time.Minute, func() { console.Close() })
	defer stop.Stop()
	_, err = io.WriteString(console, "\necho $((6 * 7))-from-the-console\n")
	require.NoError(t, err)
	lines := bufio.NewScanner(console)
	for lines.Scan() && !strings.Contains(lines.Text(), "42-from-the-console") {
	}
	require.NoError(t, lines.Err())
	require.Contains(t, lines.Text(), "42-from-the-console")
	require.NoError(t, console.Close())
	_, err = console.Read(make([]byte, 1))
	require.Error(t, err)
}

// requireOnlyLoopback asks ss where our machines listen.
func requireOnlyLoopback(t *testing.T, b *Backend) {
	t.Helper()
	pids := processes(t, "guest=testbed-")
	require.NotEmpty(t, pids)
	out, err := exec.Command("ss", "-Hlntup").Output()
	require.NoError(t, err)
	found := 0
	for _, line := range strings.Split(string(out), "\n") {
		for _, pid := range pids {
			if !strings.Contains(line, fmt.Sprintf("pid=%d,", pid)) {
				continue
			}
			found++
			require.Regexp(t, `^tcp .* 127\.0\.0\.1:\d+ `, line, "only the forwarded SSH port, on loopback")
		}
	}
	require.GreaterOrEqual(t, found, 2, "each machine forwards one port")
}

// changeServer brings the lab up again, as it is and then with a change of one
// machine, and sees that the other one was left alone.
func changeServer(t *testing.T, b *Backend, r provision.Request) {
	t.Helper()
	before := bootIDs(t, b)
	steps, err := b.Plan(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, []string{"5 check check network lan"}, listed(steps))
	require.NoError(t, perform(t.Context(), steps))
	require.Equal(t, before, bootIDs(t, b))

	r.Machines[1].Memory += 32 << 20
	up(t, b, r)
	after := bootIDs(t, b)
	require.Equal(t, before["client"], after["client"], "an unchanged machine stays")
	require.NotEqual(t, before["server"], after["server"], "a changed machine is made anew")
}

func bootIDs(t *testing.T, b *Backend) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for _, name := range []string{"client", "server"} {
		m, err := b.Machine(t.Context(), "life", name)
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, m.Exec(t.Context(), provision.Command{Args: []string{"cat", "/proc/sys/kernel/random/boot_id"}, Stdout: &out}))
		require.NoError(t, m.Close())
		ids[name] = out.String()
	}
	return ids
}

// requireKept sees that another process would not take the lab for garbage, and
// that its files are those of its two machines.
func requireKept(t *testing.T, b *Backend) {
	t.Helper()
	domains, err := b.domains(t.Context())
	require.NoError(t, err)
	for _, d := range domains {
		require.True(t, d.kept && d.ready, d.Thing)
	}
	garbage, err := b.Garbage(t.Context())
	require.NoError(t, err)
	require.Empty(t, listed(garbage))
	pools, err := b.pools(t.Context())
	require.NoError(t, err)
	files, err := b.volumes(t.Context(), pools[0])
	require.NoError(t, err)
	require.Len(t, files, 6, "kernel, initrd and console of each: %v", files)
}

func requireGone(t *testing.T, b *Backend) {
	t.Helper()
	all, err := b.observe(t.Context())
	require.NoError(t, err)
	require.Equal(t, seen{}, all)
	_, err = os.Stat(b.state.folder)
	require.ErrorIs(t, err, os.ErrNotExist)
	steps, err := b.Down(t.Context(), "life")
	require.NoError(t, err)
	require.Empty(t, steps)
	_, err = b.Machine(t.Context(), "life", "client")
	require.ErrorContains(t, err, `lab "life" does not run`)
}

// The same as an ordinary user, where nothing of libvirt's runs yet.
func TestLifeOfASession(t *testing.T) {
	if testing.Short() {
		t.Skip("boots machines")
	}
	if os.Geteuid() != 0 {
		t.Skip("this user's own session is what TestLife uses")
	}
	asNobody(t, "TestLife", imageVariable+"="+exported(t, image(t)))
}

// A boot that fails says why and leaves nothing but the console.
func TestFailedBoot(t *testing.T) {
	b := live(t)
	r := bootable(t, b, image(t), "failed", "client")
	r.Machines[0].Root = os.DevNull // The overlay alone has no /init.
	steps, err := b.Plan(t.Context(), r)
	require.NoError(t, err)
	err = perform(t.Context(), steps)
	var boot *BootError
	require.ErrorAs(t, err, &boot)
	require.ErrorContains(t, err, `boot "client": its kernel failed: Kernel panic - not syncing`)
	require.Contains(t, err.Error(), "  | ")
	kept, err := os.ReadFile(boot.File)
	require.NoError(t, err)
	require.Equal(t, boot.Console, kept)

	domains, err := b.domains(t.Context())
	require.NoError(t, err)
	require.Empty(t, domains)
	pools, err := b.pools(t.Context())
	require.NoError(t, err)
	files, err := b.volumes(t.Context(), pools[0])
	require.NoError(t, err)
	require.Empty(t, files)
}

// Ctrl-C while a machine boots undoes the step.
func TestCancelledBoot(t *testing.T) {
	b := live(t)
	r := bootable(t, b, image(t), "cancelled", "client")
	steps, err := b.Plan(t.Context(), r)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- perform(ctx, steps) }()
	require.Eventually(t, func() bool {
		return len(processes(t, "guest="+b.names.thing("cancelled", "client"))) > 0
	}, time.Minute, 20*time.Millisecond)
	cancel()
	err = <-ended
	require.ErrorIs(t, err, context.Canceled)
	var boot *BootError
	require.False(t, errors.As(err, &boot), "a cancelled boot is not the machine's fault")
	domains, err := b.domains(t.Context())
	require.NoError(t, err)
	require.Empty(t, domains)
}

// A filter on the host that eats IP between the machines is named.
func TestEatenFrames(t *testing.T) {
	b := live(t)
	if !b.dialer.endpoint.system() {
		t.Skip("a session has no bridge that a firewall could see")
	}
	if !sysctlOn(t.Context(), site.Here(), "/proc/sys/net/bridge/bridge-nf-call-iptables") {
		t.Skip("this kernel has no br_netfilter, or it is off")
	}
	r := bootable(t, b, image(t), "eaten", "client", "server")
	steps, err := b.Plan(t.Context(), r)
	require.NoError(t, err)
	for i, s := range steps {
		if s.Action != provision.Check {
			continue
		}
		check := s.Do
		steps[i].Do = func(ctx context.Context) error {
			domains, err := b.domains(ctx)
			require.NoError(t, err)
			bridge := bridgeName(domains[0].Lab, "lan")
			rule := []string{"FORWARD", "-i", bridge, "-j", "DROP"}
			require.NoError(t, exec.Command("/usr/sbin/iptables", append([]string{"-I"}, rule...)...).Run())
			defer exec.Command("/usr/sbin/iptables", append([]string{"-D"}, rule...)...).Run()
			return check(ctx)
		}
	}
	err = perform(t.Context(), steps)
	require.ErrorContains(t, err, `check network "lan": no answer from "server"`)
	require.ErrorContains(t, err, "ARP crosses and IP does not")
	require.ErrorContains(t, err, "br_netfilter")
	require.ErrorContains(t, err, "-j DROP")
	require.ErrorContains(t, err, "sudo iptables -I")
}
