package libvirt

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// TestProgressText reads what a QEMU 10.0.2 answered of a guest that slept: what it
// executed is no count of its clock's.
func TestProgressText(t *testing.T) {
	const count = `{"return":{"icount":37307552,"mode":"none"},"id":"libvirt-478"}`
	const clock = `{"return":{"tm_year":126,"tm_sec":56,"tm_hour":0,"tm_min":30,"tm_mon":0,"tm_mday":1},"id":"libvirt-479"}`
	require.Equal(t, "; it has executed 0.037 · 10⁹ instructions, and with what it slept its clock stands at 30m56s", progressText(count, clock))
	require.Equal(t, "; it has executed 0.037 · 10⁹ instructions", progressText(count, ""))
	require.Empty(t, progressText(`{"error":{"class":"CommandNotFound"}}`, clock))
	at, ok := clockOf(`{"return":{"tm_year":126,"tm_sec":1,"tm_hour":1,"tm_min":1,"tm_mon":0,"tm_mday":2}}`)
	require.True(t, ok)
	require.Equal(t, 25*time.Hour+61*time.Second, at)
}

// TestStalledGuest: it is late, a finding, and silent because it is told to be.
func TestStalledGuest(t *testing.T) {
	stalled := &stalledError{20 * time.Minute, "; it has executed 0.4 · 10⁹ instructions"}
	err := error(&BootError{Machine: "guest", Err: stalled})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, `boot "guest": it came to no end in 20m0s; it has executed 0.4`)
	require.ErrorContains(t, err, "told to be quiet")
	require.NotContains(t, err.Error(), "did not start")
	var finding interface{ Stalled() string }
	require.ErrorAs(t, err, &finding)
	unknown := &BootError{Machine: "guest", Err: &stalledError{limit: time.Minute}}
	require.ErrorContains(t, unknown, "did not start")
}

// TestKernelOf: what cannot start by itself is started as it is.
func TestKernelOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vmlinuz")
	require.NoError(t, os.WriteFile(path, []byte("no kernel that can be unpacked"), 0o644))
	for _, sealed := range []*provision.Sealed{nil, {}} {
		kernel, err := kernelOf(provision.MachineRequest{Machine: testbed.Machine{Name: "client"}, Kernel: path, Sealed: sealed})
		require.NoError(t, err)
		require.Equal(t, "no kernel that can be unpacked", string(kernel))
	}
	_, err := kernelOf(provision.MachineRequest{Machine: testbed.Machine{Name: "client"}, Kernel: path + ".gone"})
	require.ErrorContains(t, err, `read the kernel of "client"`)
}
