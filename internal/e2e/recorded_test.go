package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// record is a result with all that lies beside it, as a reader without our types has it.
type record struct {
	t      *testing.T
	dir    string
	result any
	blocks []any
}

func recordOf(t *testing.T, dir string) *record {
	t.Helper()
	r := &record{t: t, dir: dir}
	require.NoError(t, json.Unmarshal([]byte(read(t, dir, "result.json")), &r.result))
	for lines := json.NewDecoder(strings.NewReader(read(t, dir, "blocks.jsonl"))); lines.More(); {
		var block any
		require.NoError(t, lines.Decode(&block))
		r.blocks = append(r.blocks, block)
	}
	return r
}

// at finds what is under names and numbers in JSON.
func (r *record) at(v any, path ...any) any {
	r.t.Helper()
	for i, step := range path {
		switch step := step.(type) {
		case string:
			inner, is := v.(map[string]any)
			require.True(r.t, is, "%v: no object holds it", path[:i+1])
			require.Contains(r.t, inner, step, "%v", path[:i+1])
			v = inner[step]
		case int:
			inner, is := v.([]any)
			require.True(r.t, is && len(inner) > step, "%v: no list holds it", path[:i+1])
			v = inner[step]
		}
	}
	return v
}

// told is at, of something that is not empty.
func (r *record) told(v any, path ...any) any {
	r.t.Helper()
	found := r.at(v, path...)
	require.NotEmpty(r.t, found, "%v", path)
	return found
}

// looked is a block of a mode that looked into the kernel.
func (r *record) looked(mode string) any {
	r.t.Helper()
	for _, b := range r.blocks {
		if block := b.(map[string]any); block["mode"] == mode && block["pass"] == "events" {
			return block
		}
	}
	r.t.Fatalf("no pass of events in mode %q", mode)
	return nil
}

// checkRecorded walks what has to be recorded of every run, item by item and in the order
// of the list that Testbed was built by, over a result or an unpacked bundle. The mode is
// one with a container at the client.
func checkRecorded(t *testing.T, dir, labFile, mode string) {
	t.Helper()
	r := recordOf(t, dir)
	r.checkTool(labFile)
	r.checkMachines()
	r.checkNetworks(mode)
	r.checkHost()
	r.checkSockets()
	r.checkStates()
	require.IsType(t, []any{}, r.at(r.result, "warnings"), "a list, if of nothing")
	for _, test := range r.told(r.result, "tests").([]any) {
		require.IsType(t, []any{}, r.at(test, "voided"))
	}
}

// checkTool: tool commit and binary hash, lab file, resolved plan, seed, order of blocks.
func (r *record) checkTool(labFile string) {
	r.told(r.result, "tool", "version")
	require.Equal(r.t, digest(r.t, program), r.told(r.result, "tool", "sha256"))
	require.Len(r.t, r.told(r.result, "tool", "agent_sha256"), 64)
	require.Equal(r.t, digest(r.t, filepath.Join(r.dir, labFile)), r.told(r.result, "lab_digest"))
	require.FileExists(r.t, filepath.Join(r.dir, "plan.json"))
	r.told(r.result, "seed")
	next := map[any]float64{}
	for _, block := range r.blocks { // Each test counts its own, in the order in which they ran.
		test := r.told(block, "test")
		require.Equal(r.t, next[test], r.at(block, "index"))
		next[test]++
	}
}

// checkMachines: release, config hash, command line, taint, modules, clocksource, sysctls,
// offloads.
func (r *record) checkMachines() {
	for _, machine := range r.told(r.result, "environment", "machines").([]any) {
		facts := r.told(machine, "facts")
		for _, name := range []string{"kernel_release", "kernel_version", "cmdline", "clocksource", "sysctl", "sysctl_others", "cpu_model", "mitigations"} {
			r.told(facts, name)
		}
		if _, err := os.Stat("/proc/config.gz"); err == nil || r.at(r.result, "backend") != "local" {
			require.Len(r.t, r.told(facts, "kernel_config_sha256"), 64)
		}
		r.at(facts, "taint")
		r.at(facts, "modules") // Some kernels have none.
		r.told(facts, "nics", "eth1", "offloads")
		r.told(facts, "nics", "eth1", "qdisc")
	}
}

// checkNetworks: links, addresses, routes, neighbours, qdiscs, nft, tracked connections in
// every namespace, and BPF programs.
func (r *record) checkNetworks(mode string) {
	networks := r.told(r.looked(mode), "networks")
	for _, space := range []string{"client.machine", "client.container", "server.machine"} {
		for _, name := range []string{"links", "addresses", "routes", "neighbours", "qdiscs"} {
			require.IsType(r.t, []any{}, r.told(networks, space, name), "%s %s", space, name)
		}
		require.IsType(r.t, []any{}, r.at(networks, space, "nft"), "%s", space)
		r.at(networks, space, "conntrack_count") // null in a kernel that tracks none.
		// The segment's, or one behind a bridge with NAT.
		require.Regexp(r.t, `10\.77\.0\.|198\.18\.0\.`, fmt.Sprint(r.at(networks, space, "addresses")), "%s", space)
	}
	for _, end := range []string{"client.bpf", "server.bpf"} {
		r.at(networks, end) // A list, or why there is none.
	}
}

// checkHost: kernel, processor, microcode, mitigations, SMT, governor, C-states, turbo,
// NUMA, pinning, steal; of VMs the versions and arguments of QEMU and libvirt, machine
// type, accelerator and vhost.
func (r *record) checkHost() {
	host := r.told(r.result, "environment", "host")
	for _, name := range []string{"kernel", "cpu_model", "cpus", "cpu_microcode", "mitigations", "smt", "governor", "c_states", "turbo", "numa"} {
		r.told(host, name)
	}
	r.at(r.result, "environment", "before", "steal_ticks")
	if r.at(r.result, "backend") == "local" {
		r.told(host, "machine_cpus")
		return
	}
	for _, name := range []string{"qemu", "libvirt", "machine", "accelerator", "pinning"} {
		r.told(host, name)
	}
	r.at(host, "vhost_net")
	for machine, command := range r.told(host, "qemu_command_lines").(map[string]any) {
		require.Regexp(r.t, `^\S*qemu-system-x86_64 .*-accel `, command, machine)
	}
}

// checkSockets: options, congestion control, affinity, policy, at both ends of every block
// that counts.
func (r *record) checkSockets() {
	seen := 0
	for _, block := range r.blocks {
		b := block.(map[string]any)
		if b["status"] != "ok" || b["pass"] != nil || b["engine"] != nil {
			continue
		}
		for _, end := range []string{"client", "server"} {
			for _, name := range []string{"SO_SNDBUF", "SO_RCVBUF", "cpus", "policy", "priority"} {
				r.told(block, "sockets", end, name)
			}
			if b["test"] == "tcp_rr" {
				require.Equal(r.t, "1", r.at(block, "sockets", end, "TCP_NODELAY"))
				r.told(block, "sockets", end, "TCP_CONGESTION")
			}
		}
		seen++
	}
	require.Positive(r.t, seen)
}

// checkStates: load, interrupts, softirqs, softnet, netstat, before and after.
func (r *record) checkStates() {
	all := append([]any{r.told(r.result, "environment")}, r.told(r.result, "environment", "machines").([]any)...)
	for _, of := range all {
		for _, name := range []string{"load", "interrupts", "softirqs", "softnet", "netstat"} {
			r.told(of, "before", name)
			r.told(of, "after", name)
		}
		processed := func(when string) float64 { return r.told(of, when, "softnet", "processed").(float64) }
		require.Greater(r.t, processed("after"), processed("before"))
	}
}

func digest(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
