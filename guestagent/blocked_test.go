package guestagent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// TestBlockedTasks: as a kernel without end of a module's load showed them in /proc.
func TestBlockedTasks(t *testing.T) {
	proc := t.TempDir()
	task := func(pid, stat, stack string) {
		dir := filepath.Join(proc, pid, "task", pid)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o644))
		if stack != "" {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "stack"), []byte(stack), 0o644))
		}
	}
	task("1", "1 (init) S 0 1", "[<0>] do_epoll_wait+0x1/0x2\n")
	task("101", "101 (exe) D 1 1", "[<0>] call_usermodehelper_exec+0x16f/0x1a0\n[<0>] __request_module+0x1a8/0x3c0\n[<0>] rtnl_newlink+0x1/0x2\n")
	task("105", "105 (mod (probe) D 2 1", "[<0>] ipvlan_init_module+0x2a/0x1000 [ipvlan]\n[<0>] do_one_initcall+0x59/0x220\n[<0>] do_init_module+0x4a/0x1f0\n"+
		"[<0>] a+0x1/0x2\n[<0>] b+0x1/0x2\n[<0>] c+0x1/0x2\n")
	task("104", "104 (kworker/0:2+ipv6_addrconf) D 2 1", "[<0>] addrconf_dad_work+0x1/0x2 [ipv6]\n")
	task("108", "108 (ip) D 1 1", "[<0>] rtnetlink_rcv_msg+0x1/0x2\n")
	task("106", "106 (hidden) D 2 1", "")
	task("107", "107 (cut", "[<0>] a+0x1/0x2\n")
	require.Equal(t, []proto.BlockedTask{
		{Name: "mod (probe", Frames: []string{"ipvlan_init_module [ipvlan]", "do_one_initcall", "do_init_module", "a", "b"}},
		{Name: "ip", Frames: []string{"rtnetlink_rcv_msg"}},
		{Name: "exe", Frames: []string{"call_usermodehelper_exec", "__request_module", "rtnl_newlink"}},
		{Name: "kworker/0:2+ipv6_addrconf", Frames: []string{"addrconf_dad_work [ipv6]"}},
	}, blockedTasks(proc))
	require.Empty(t, blockedTasks(filepath.Join(proc, "none")))
}
