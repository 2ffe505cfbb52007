package libvirt

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
)

// victim is a process that brings a lab up and says what it does, until the
// test that started it kills it.
func victim() {
	ctx := context.Background()
	b, err := Open(ctx, Options{Owner: os.Getenv("TESTBED_OWNER"), StateDir: os.Getenv("XDG_STATE_HOME")})
	die(err)
	dir := os.Getenv(imageVariable)
	r := request("killed", "client", "server")
	r.Owner, r.Ephemeral = b.options.Owner, true
	for i := range r.Machines {
		r.Machines[i].Kernel, r.Machines[i].Root = dir+"/vmlinuz", dir+"/root.cpio"
	}
	steps, err := b.Plan(ctx, r)
	die(err)
	for i, s := range steps {
		if s.Do != nil {
			steps[i].Do = func(ctx context.Context) error {
				fmt.Println("begin", s.Name)
				err := s.Do(ctx)
				fmt.Println("end", s.Name)
				return err
			}
		}
	}
	die(perform(ctx, steps))
	fmt.Println("up")
	time.Sleep(time.Hour)
}

func die(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// Whenever a testbed is killed, gc removes what it made, without its state.
func TestKilled(t *testing.T) {
	b := live(t)
	dir := exported(t, image(t))
	for _, moment := range []string{
		"begin prepare storage", "end prepare storage", "end network lan", "begin upload client",
		"end upload server", "begin boot client", "up",
	} {
		t.Run(moment, func(t *testing.T) {
			state := t.TempDir()
			kill(t, dir, b.options.Owner, state, moment, func() {
				steps, err := sameOwner(t, b, state).Garbage(t.Context())
				require.NoError(t, err)
				require.Empty(t, listed(steps), "what a living process works on is no garbage")
			})
			steps, err := sameOwner(t, b, t.TempDir()).Garbage(t.Context())
			require.NoError(t, err)
			require.NoError(t, perform(t.Context(), steps))
			all, err := b.observe(t.Context())
			require.NoError(t, err)
			require.Equal(t, seen{}, all)
			requireNothingLeft(t, b.options.Owner)

			steps, err = sameOwner(t, b, state).Garbage(t.Context())
			require.NoError(t, err)
			require.NoError(t, perform(t.Context(), steps))
			require.NoDirExists(t, state+"/labs", "its state is forgotten")
		})
	}
}

// sameOwner is a backend as another process of the owner would open it.
func sameOwner(t *testing.T, b *Backend, state string) *Backend {
	t.Helper()
	other, err := Open(t.Context(), Options{Owner: b.options.Owner, StateDir: state})
	require.NoError(t, err)
	t.Cleanup(func() { other.Close() })
	return other
}

// kill starts a victim, waits for the moment, and kills it after alive has
// looked at it.
func kill(t *testing.T, image, owner, state, moment string, alive func()) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"=victim", imageVariable+"="+image, "TESTBED_OWNER="+owner, "XDG_STATE_HOME="+state)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	timer := time.AfterFunc(3*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if lines.Text() == moment {
			if strings.HasPrefix(moment, "begin boot") {
				time.Sleep(2 * time.Second) // Into the boot, wherever it then is.
			}
			alive()
			return
		}
	}
	t.Fatalf("the victim never came to %q: %q", moment, said)
}

// What libvirt itself has lost or never finished is garbage too.
func TestStrays(t *testing.T) {
	b := live(t)
	if !b.dialer.endpoint.system() || os.Geteuid() != 0 {
		t.Skip("only root makes bridges and looks into the system's pools")
	}
	defined, forgotten := uuid.NewString(), uuid.NewString()
	document, err := encode(poolXML{Type: "dir", Name: b.names.pool(defined), Path: b.poolPath(defined)})
	require.NoError(t, err)
	require.NoError(t, b.dialer.call(t.Context(), "define a pool", func(l *golibvirt.Libvirt) error {
		_, err := l.StoragePoolDefineXML(document, 0)
		return err
	}))
	require.NoError(t, os.Mkdir(b.poolPath(forgotten), 0o711))
	bridge := bridgeName(forgotten, "lan")
	require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridge}}))
	defer b.removeBridge(context.Background(), bridge)
	b.site().Alias(t.Context(), bridge, b.names.bridgeAlias(forgotten))

	steps, err := b.Garbage(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{
		"2 remove remove storage " + shortID(defined) + ": it belongs to no running lab",
		"1 remove remove bridge " + bridge + ": libvirt has no network for it",
		"2 remove remove folder " + b.poolPath(forgotten) + ": libvirt has no pool for it",
	}, listed(steps))
	require.NoError(t, perform(t.Context(), steps))
	steps, err = b.Garbage(t.Context())
	require.NoError(t, err)
	require.Empty(t, steps)
	require.NoDirExists(t, b.poolPath(forgotten))
}
