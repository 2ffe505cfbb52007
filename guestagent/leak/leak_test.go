package leak

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// sample is in the two forms that kernels write: with addresses and ages before 6.10,
// without since.
const sample = `unreferenced object 0xffff9b5c42a1c000 (size 512):
  comm "modprobe", pid 105, jiffies 4294892327 (age 60.123s)
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
    6b 6d 61 6c 6c 6f 63 2b 30 78 31 2f 30 78 32 6b  kmalloc+0x1/0x2k
  backtrace:
    [<00000000f15b8d9c>] slab_post_alloc_hook+0x6e/0x320
    [<000000006c8b7ff4>] __kmem_cache_alloc_node+0x13e/0x2b0
    [<00000000d12c9b3e>] kmalloc_trace+0x26/0x90
    [<00000000aa3d1f8e>] ipvlan_link_new+0x5e/0x3a0 [ipvlan]
    [<000000003a8ba0d8>] __rtnl_newlink+0x70f/0x8e0
    [<00000000b9e93a5e>] rtnl_newlink+0x43/0x70
    [<00000000c3fa3fd6>] rtnetlink_rcv_msg+0x14e/0x3b0
    [<0000000026e1a0b1>] netlink_rcv_skb+0x54/0x100
    [<0000000000d7a6a1>] netlink_unicast+0x23e/0x350
unreferenced object 0xffff9b5c42a1d000 (size 512):
  comm "a "quoted" one", pid 107, jiffies 4294892400
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace (crc 8b2d1f0a):
    __kmalloc_cache_noprof+0x26e/0x360
    ipvlan_link_new+0x5e/0x3a0 [ipvlan]
    __rtnl_newlink+0x70f/0x8e0
    rtnl_newlink+0x43/0x70
    rtnetlink_rcv_msg+0x14e/0x3b0
    netlink_rcv_skb+0x54/0x100
unreferenced object 0xffff9b5c42a1e000 (size 64):
  comm "swapper/0", pid 0, jiffies 4294892400
  backtrace (crc 0):
`

func TestParse(t *testing.T) {
	require.Equal(t, []proto.Leak{
		{Objects: 2, Size: 512, Task: "modprobe", Frames: []string{"ipvlan_link_new [ipvlan]", "__rtnl_newlink", "rtnl_newlink", "rtnetlink_rcv_msg", "netlink_rcv_skb"}},
		{Objects: 1, Size: 64, Task: "swapper/0", Frames: []string{}},
	}, Parse(sample, 0))
	later := Parse(sample, 4294892400)
	require.Equal(t, []int64{512, 64}, []int64{later[0].Size, later[1].Size})
	require.Equal(t, 1, later[0].Objects, "the other one is of before the mark")
	require.Empty(t, Parse(sample, 4294892401))
	require.Empty(t, Parse("", 0))
	require.Empty(t, Parse("unreferenced object cut short", 0))
}

func TestDetector(t *testing.T) {
	none := Detector{File: filepath.Join(t.TempDir(), "kmemleak")}
	_, err := none.Mark()
	require.ErrorIs(t, err, ErrUnsupported)
	_, err = none.Look(t.Context(), 0)
	require.ErrorIs(t, err, ErrUnsupported)
	require.NoFileExists(t, none.File, "it is the kernel's file, and not made")

	there := Detector{File: filepath.Join(t.TempDir(), "kmemleak"), Clock: filepath.Join(t.TempDir(), "timer_list")}
	require.NoError(t, os.WriteFile(there.File, []byte(sample), 0o600))
	_, err = there.Mark()
	require.ErrorContains(t, err, "read the kernel's clock")
	require.NoError(t, os.WriteFile(there.Clock, []byte("Timer List Version: v0.10\n"), 0o600))
	_, err = there.Mark()
	require.ErrorContains(t, err, "has no jiffies (CONFIG_HIGH_RES_TIMERS)")
	require.NoError(t, os.WriteFile(there.Clock, []byte("cpu: 0\n  .idle_jiffies   : 4294892300\njiffies: 4294892351\n\ncpu: 1\njiffies: 4294892351\n"), 0o600))
	mark, err := there.Mark()
	require.NoError(t, err)
	require.Equal(t, Mark(4294892351), mark)
	_, err = there.Look(t.Context(), mark)
	require.NoError(t, err)
	text, err := os.ReadFile(there.File)
	require.NoError(t, err)
	require.Equal(t, "scan", string(text[:4]), "the last order")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Detector{File: none.File, Young: 1 << 60}.Look(ctx, 0)
	require.ErrorIs(t, err, context.Canceled)
}
