package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// incomparable are the reasons for which two rigs' figures are not of one kind.
func incomparable(base, other CompareSide, pairs []trialPair) (reasons []string) {
	for _, p := range pairs {
		was, is := RigOf(base.Result, p.base.result.Cell), RigOf(other.Result, p.new.result.Cell)
		for _, reason := range uncommon(was, is, func(what, was, is string) string { return fmt.Sprintf("%s: %s and %s", what, was, is) }) {
			if !slices.Contains(reasons, reason) { // Cells of one host say it each.
				reasons = append(reasons, reason)
			}
		}
	}
	return reasons
}

// differently says what the two sides' tests do not do alike.
func (p trialPair) differently() []string {
	return uncommon(ConditionsOf(p.base.result), ConditionsOf(p.new.result), func(what, was, is string) string {
		return fmt.Sprintf("%s of test %s: %s and %s", what, p.base.name(), was, is)
	})
}

// machinePair is a machine on both sides, with its facts.
type machinePair struct {
	name      string
	base, new map[string]any
}

func machinePairs(base, other CompareSide) (pairs []machinePair) {
	for _, b := range base.Result.Environment.Machines {
		if !within(b.Cell, base.Cell) {
			continue
		}
		i := slices.IndexFunc(other.Result.Environment.Machines, func(n testbed.MachineEnvironment) bool {
			return n.Name == b.Name && within(n.Cell, other.Cell)
		})
		if i >= 0 && !slices.ContainsFunc(pairs, func(p machinePair) bool { return p.name == b.Name }) {
			pairs = append(pairs, machinePair{b.Name, b.Facts, other.Result.Environment.Machines[i].Facts})
		}
	}
	return pairs
}

// suspects are facts by how readily they move a figure, the readiest first; other
// facts come after them.
var suspects = []string{
	"accelerator", "backend", "qemu", "cpu_model", "kernel_release", "kernel", "kernel_sha256", "root_sha256", "kernel_config_sha256", "cmdline",
	"mitigations", "cpu_microcode", "smt", "governor", "turbo", "c_states", "numa", "pinning", "machine_cpus",
	"clocksource", "sysctl", "nics", "cpus", "machine", "vhost_net", "network", "testbed", "agent", "lab file", "variables",
}

// passing are facts that differ from run to run and move nothing.
var passing = []string{"uptime_seconds", "qemu_command_lines", "hostname", "connect"}

// environmentDifferences lists what the two sides do not share, the most suspicious
// first.
func environmentDifferences(base, other CompareSide) []testbed.Differing {
	b, n := base.Result, other.Result
	all := factDifferences("", map[string]any{
		"accelerator": b.Accelerator, "backend": b.Backend, "testbed": b.Tool.Version, "agent": b.Tool.AgentSHA256, "lab file": b.LabDigest, "variables": jsonText(b.Variables), "seed": b.Seed,
	}, map[string]any{
		"accelerator": n.Accelerator, "backend": n.Backend, "testbed": n.Tool.Version, "agent": n.Tool.AgentSHA256, "lab file": n.LabDigest, "variables": jsonText(n.Variables), "seed": n.Seed,
	})
	all = append(all, factDifferences("host", b.Environment.Host, n.Environment.Host)...)
	for _, pair := range machinePairs(base, other) {
		all = append(all, factDifferences(pair.name, pair.base, pair.new)...)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Environment.Images)) {
		if other, both := n.Environment.Images[name]; both {
			all = append(all, factDifferences("image "+name, b.Environment.Images[name], other)...)
		}
	}
	slices.SortStableFunc(all, func(a, b suspicion) int { return cmp.Compare(a.rank, b.rank) })
	differences := []testbed.Differing{}
	for _, one := range all {
		differences = append(differences, one.Differing)
	}
	return differences
}

type suspicion struct {
	testbed.Differing
	rank int
}

func factDifferences(of string, base, other map[string]any) (all []suspicion) {
	was, is := map[string]string{}, map[string]string{}
	var names []string
	for _, f := range flatten("", base) {
		was[f.Name] = f.Value
		names = append(names, f.Name)
	}
	for _, f := range flatten("", other) {
		is[f.Name] = f.Value
		names = append(names, f.Name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		kind, _, _ := strings.Cut(name, ".")
		if was[name] == is[name] || slices.Contains(passing, kind) {
			continue
		}
		rank := slices.Index(suspects, kind)
		if rank < 0 {
			rank = len(suspects)
		}
		all = append(all, suspicion{testbed.Differing{What: strings.TrimSpace(of + " " + name), Base: firstOf(was[name], none), New: firstOf(is[name], none)}, rank})
	}
	return all
}
