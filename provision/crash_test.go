package provision

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The consoles in testdata are of Debian's 6.12.117: `echo c > /proc/sysrq-trigger`,
// and a boot without an init.
func TestFirstCrashOfRealConsoles(t *testing.T) {
	for name, want := range map[string]string{
		"sysrq":  "Kernel panic - not syncing: sysrq triggered crash in sysrq_handle_crash < __handle_sysrq.cold < write_sysrq_trigger < proc_reg_write < vfs_write",
		"noinit": "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0) in mount_root_generic < prepare_namespace < kernel_init_freeable < kernel_init < ret_from_fork",
	} {
		t.Run(name, func(t *testing.T) {
			console, err := os.ReadFile("testdata/" + name + ".log")
			require.NoError(t, err)
			crash, found := FirstCrash(console)
			require.True(t, found)
			require.Equal(t, want, crash.String())
			require.Len(t, crash.Frames, crashFrames)
		})
	}
}

func TestFirstCrash(t *testing.T) {
	const oops = "[    3.1][  T215] BUG: kernel NULL pointer dereference, address: 0000000000000008\n" +
		"[    3.1][  T215] Oops: Oops: 0000 [#1] PREEMPT SMP\n" +
		"[    3.1][  T215] RIP: 0010:ipvlan_queue_xmit+0x12/0x600 [ipvlan]\n" +
		"[    3.1][  T215] Call Trace:\n[    3.1][  T215]  <TASK>\n[    3.1][  T215]  ? __die+0x23/0x70\n" +
		"[    3.1][  T215]  ipvlan_start_xmit+0x1f/0x80 [ipvlan]\n[    3.1][  T215]  dev_hard_start_xmit+0x61/0x1e0\n" +
		"[    3.1][  T215]  </TASK>\n[    3.1][  T215] Kernel panic - not syncing: Fatal exception in interrupt\n" +
		"[    3.1][  T215]  another+0x1/0x2\n"
	for name, tt := range map[string]struct {
		console string
		want    Crash
	}{
		"oops": {oops, Crash{Complaint: "BUG: kernel NULL pointer dereference, address: 0000000000000008",
			Frames: []string{"ipvlan_queue_xmit [ipvlan]", "ipvlan_start_xmit [ipvlan]", "dev_hard_start_xmit"}}},
		"hang": {"[  9.0] INFO: task ip:71 blocked for more than 30 seconds.\n[  9.0] Call Trace:\n[  9.0]  __schedule+0x1/0x2\n[  9.0]  rtnl_lock+0x1/0x2\n",
			Crash{Complaint: "INFO: task ip:71 blocked for more than 30 seconds.", Frames: []string{"__schedule", "rtnl_lock"}, Hung: true}},
		"cut short":   {"[  9.0] Kernel panic - not syncing: x\n", Crash{Complaint: "Kernel panic - not syncing: x"}},
		"a program's": {"[  9.0] Kernel panic - not syncing: x\n[  9.0] RIP: 0033:main+0x1/0x2\n", Crash{Complaint: "Kernel panic - not syncing: x"}},
	} {
		t.Run(name, func(t *testing.T) {
			crash, found := FirstCrash([]byte(tt.console))
			require.True(t, found)
			require.Equal(t, tt.want, crash)
		})
	}
	_, found := FirstCrash([]byte("[ 1.0] WARNING: CPU: 0\n[ 1.0] Call Trace:\n[ 1.0]  f+0x1/0x2\ntestbed-guest: ready\n"))
	require.False(t, found, "a warning is not the end")
}
