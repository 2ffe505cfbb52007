package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

func machines(cpus ...int) (all []provision.MachineRequest) {
	for i, n := range cpus {
		all = append(all, provision.MachineRequest{Machine: testbed.Machine{Name: string(rune('a' + i)), CPUs: n}})
	}
	return all
}

func TestDeal(t *testing.T) {
	tests := []struct {
		wanted []int
		cpus   []int
		dealt  map[string][]int
		shared bool
	}{
		{[]int{1, 1}, []int{0, 2, 1, 3}, map[string][]int{"a": {0}, "b": {2}}, false},
		{[]int{2, 2}, []int{0, 2, 1, 3}, map[string][]int{"a": {0, 2}, "b": {1, 3}}, false},
		{[]int{1, 1}, []int{5}, map[string][]int{"a": {5}, "b": {5}}, true},
		{[]int{1, 2}, []int{0, 1}, map[string][]int{"a": {0}, "b": {0, 1}}, true},
		{[]int{8}, []int{0, 1}, map[string][]int{"a": {0, 1}}, true},
		{[]int{0}, []int{0, 1}, map[string][]int{"a": {0}}, false},
	}
	for _, test := range tests {
		dealt, shared := deal(machines(test.wanted...), test.cpus)
		require.Equal(t, test.dealt, dealt)
		require.Equal(t, test.shared, shared, test)
	}
}

func TestCoresFirst(t *testing.T) {
	core := func(cpu int) string { return []string{"0-1", "0-1", "2-3", "2-3", "4"}[cpu] }
	require.Equal(t, []int{0, 2, 4, 1, 3}, coresFirst([]int{0, 1, 2, 3, 4}, core))
	require.Equal(t, []int{1, 3}, coresFirst([]int{1, 3}, core))
}

func TestForbidden(t *testing.T) {
	root := t.TempDir()
	forbidden := func() string { why, remedy := Forbidden(root); return why + "|" + remedy }
	write := func(name, value string) {
		path := filepath.Join(root, "proc/sys", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(value+"\n"), 0o644))
	}
	require.Equal(t, "|", forbidden())
	write("kernel/unprivileged_userns_clone", "1")
	write("user/max_user_namespaces", "1000")
	require.Equal(t, "|", forbidden())
	write("kernel/apparmor_restrict_unprivileged_userns", "1")
	require.Equal(t, "kernel.apparmor_restrict_unprivileged_userns is 1|sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0", forbidden())
	write("user/max_user_namespaces", "0")
	require.Equal(t, "user.max_user_namespaces is 0|sudo sysctl user.max_user_namespaces=10000", forbidden())
	write("kernel/unprivileged_userns_clone", "0")
	require.Equal(t, "kernel.unprivileged_userns_clone is 0|sudo sysctl kernel.unprivileged_userns_clone=1", forbidden())
}
