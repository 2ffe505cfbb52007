package evidence

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsTraced(t *testing.T) {
	for _, name := range []string{"tcp_sendmsg", "__netif_receive_skb", "process_backlog", "enqueue_to_backlog", "validate_xmit_skb"} {
		require.True(t, ofStack(name), name)
		require.True(t, ofTransactions(name), name)
	}
	for _, name := range []string{"__x64_sys_sendto", "kmem_cache_alloc_noprof", "psi_group_change", "hrtimer_start_range_ns", "_raw_spin_lock_bh", "enqueue_task_rt", "cubictcp_acked"} {
		require.False(t, ofStack(name), name)
		require.True(t, ofTransactions(name), name)
	}
	for _, name := range []string{"ext4_write_begin", "acpi_ds_init", "vfs_read", ""} {
		require.False(t, ofTransactions(name), name)
	}
}
