package netmode_test

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/machinetest"
	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// sleeper is a process in a container that was built as another mode.
func sleeper(t *testing.T, inside func(func() error) error) int {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	require.NoError(t, inside(cmd.Start))
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process.Pid
}

// TestARunningContainer is entered by its PID, and left as it was.
func TestARunningContainer(t *testing.T) {
	self, peer := machinetest.Pair(t)
	machine := open(t, self)
	for _, made := range []proto.Mode{
		{Name: "m", Kind: "macvlan", At: "both"},
		{Name: "m", Kind: "veth", Uplink: "bridge", Masquerade: true, At: "both"},
	} {
		other, err := machine.Build(t.Context(), spec(made, proto.Client, self, peer))
		require.NoError(t, err)
		before := self.Snapshot(t)
		container := proto.Mode{Name: "c", Kind: "container", At: "both", Container: fmt.Sprintf("pid://%d", sleeper(t, other.Inside))}

		built, err := machine.Build(t.Context(), spec(container, proto.Client, self, peer))
		require.NoError(t, err)
		require.Equal(t, other.Local, built.Local)
		require.Equal(t, "eth0", built.Device())
		require.NoError(t, built.Proof(map[string]proto.Packets{"eth1": {Sent: 200}, "/eth0": {Sent: 200}, "podman0": {Sent: 200}}, 100))
		require.ErrorContains(t, built.Proof(map[string]proto.Packets{"eth1": {Sent: 200}}, 100), "did not cross the container's eth0")
		_, err = built.Sibling(t.Context())
		require.ErrorIs(t, err, netmode.ErrNoSibling)
		require.NoError(t, built.TearDown())
		require.NoError(t, built.TearDown())
		self.RequireUnchanged(t, before)

		// A server needs a way in: its own address, or a port that an engine publishes.
		built, err = machine.Build(t.Context(), spec(container, proto.Server, self, peer))
		if made.Masquerade {
			require.ErrorContains(t, err, "publishes no tcp port under its own number")
		} else {
			require.NoError(t, err)
			require.Equal(t, other.Local, built.Published)
			require.NoError(t, built.TearDown())
		}
		require.NoError(t, other.TearDown())
	}
}

func TestAContainerThatIsNotThere(t *testing.T) {
	self, peer := machinetest.Pair(t)
	machine := open(t, self)
	alone, err := namespace.New(nil)
	require.NoError(t, err)
	defer alone.Close()
	for reference, want := range map[string]string{
		"pid://2147483646": "there is no such process",
		"podman://web":     "podman",
		fmt.Sprintf("pid://%d", sleeper(t, alone.Do)): "the container has no route to " + peer.Host.Address.Addr().String(),
	} {
		before := self.Snapshot(t)
		_, err := machine.Build(t.Context(), spec(proto.Mode{Name: "c", Kind: "container", Container: reference}, proto.Client, self, peer))
		require.ErrorContains(t, err, want)
		self.RequireUnchanged(t, before)
	}
	_, err = machine.Build(t.Context(), spec(proto.Mode{Name: "c", Kind: "container", Container: "pid://1", Tuning: proto.Tuning{MTU: 1400}}, proto.Client, self, peer))
	require.ErrorContains(t, err, "measured as it is")
}
