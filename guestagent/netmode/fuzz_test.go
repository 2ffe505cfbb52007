package netmode_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// chooser turns a fuzzer's bytes into choices; at their end it takes the first of
// all.
type chooser struct{ data []byte }

func (c *chooser) next() int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b)
}

func choose[T any](c *chooser, from ...T) T { return from[c.next()%len(from)] }

// modeOf is a mode of any attributes, also of those that no lab file can ask for
// together and of some that are not there at all.
func modeOf(c *chooser) proto.Mode {
	return proto.Mode{
		Name:       "m",
		Kind:       choose(c, "veth", "host", "loopback", "macvlan", "ipvlan", "netkit", "vxlan", "geneve", "wireguard", "container", "", "teleport"),
		At:         choose(c, "client", "server", "both", ""),
		Uplink:     choose(c, "", "bridge", "l2", "routed", "sideways"),
		Masquerade: choose(c, false, true),
		Mode:       choose(c, "", "bridge", "private", "vepa", "passthru", "l2", "l3", "l3s", "l4"),
		Flag:       choose(c, "", "bridge", "private", "vepa", "odd"),
		Rules:      choose(c, 0, 3, -1),
		Redirect:   choose(c, "", "peer", "neigh"),
		Scrub:      choose(c, "", "default", "none", "hard"),
		Shim:       choose(c, false, true),
		Container:  choose(c, "", "pid://1", "pid://0", "podman://none", "docker://none", "x"),
		Service:    choose(c, "", "nft", "ipvs", "magic"),
		Delay:      choose(c, 0, 100*time.Microsecond, -time.Second, 2*time.Second),
		Tuning: proto.Tuning{
			MTU:          choose(c, 0, 1400, 68, 67, -1, 65535, 65536),
			GRO:          choose(c, nil, &on, &off),
			TSO:          choose(c, nil, &on, &off),
			RxChecksum:   choose(c, nil, &on, &off),
			ThreadedNAPI: choose(c, nil, &on, &off),
			Qdisc:        choose(c, "", "pfifo", "noqueue", "nosuch", "../../x"),
		},
	}
}

// FuzzMode: any combination of attributes is built, unsupported or refused in
// words; whichever it is, the machine is afterwards as it was.
func FuzzMode(f *testing.F) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 120 {
		data := make([]byte, 22)
		for i := range data {
			// Mostly the first choice, or nearly all would be refused for one of many reasons.
			if i < 3 || r.IntN(4) == 0 {
				data[i] = byte(r.Uint32())
			}
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &chooser{data}
		mode, role := modeOf(c), choose(c, proto.Client, proto.Server)
		self, peer := ends(t, role)
		machine := open(t, self)
		before := self.Snapshot(t)
		asked := spec(mode, role, self, peer)
		built, err := machine.Build(t.Context(), asked)
		if err == nil {
			err = translate(t, built, asked)
		}
		if err != nil {
			require.NotEmpty(t, err.Error())
			self.RequireUnchangedButSysctls(t, before, mode, err)
			return
		}
		require.True(t, built.Local.IsValid(), mode)
		require.NoError(t, built.Flush())
		require.NoError(t, built.TearDown(), mode)
		self.RequireUnchanged(t, before, mode)
	})
}
