package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// incomparable are the reasons for which two rigs' figures are not of one kind. A
// count depends on each version of QEMU, a time on its major version.
func incomparable(base, other CompareSide) (reasons []string) {
	b, n := base.Result, other.Result
	differ := func(what, was, is string) {
		if was != is {
			reasons = append(reasons, fmt.Sprintf("%s: %s and %s", what, firstOf(was, "none"), firstOf(is, "none")))
		}
	}
	differ("backend", b.Backend, n.Backend)
	differ("accelerator", b.Accelerator, n.Accelerator)
	qemu := func(r testbed.Result) string {
		version, _ := r.Environment.Host["qemu"].(string)
		if r.Backend == backendIcount {
			return version
		}
		major, _, _ := strings.Cut(version, ".")
		return major
	}
	differ("QEMU", qemu(b), qemu(n))
	cpu := func(r testbed.Result) string { return factText(r.Environment.Host["cpu_model"]) }
	if b.Backend != backendIcount { // Its guest has a processor of its own, and no time.
		differ("CPU model of the host", cpu(b), cpu(n))
	}
	for _, pair := range machinePairs(base, other) {
		differ("CPU model of "+pair.name, factText(pair.base["cpu_model"]), factText(pair.new["cpu_model"]))
	}
	return reasons
}

// differently says what the two sides' tests do not do alike.
func (p trialPair) differently() (reasons []string) {
	b, n := p.base.result, p.new.result
	differ := func(what, was, is string) {
		if was != is {
			reasons = append(reasons, fmt.Sprintf("%s of test %s: %s and %s", what, p.base.name(), was, is))
		}
	}
	differ("protocol", b.Protocol, n.Protocol)
	differ("engine", b.Engine, n.Engine)
	differ("size", fmt.Sprintf("%d/%d B", b.Request, b.Response), fmt.Sprintf("%d/%d B", n.Request, n.Response))
	differ("load", jsonText(b.Load), jsonText(n.Load))
	differ("settings", jsonText(b.Settings), jsonText(n.Settings))
	if p.base.counts() {
		differ("length", blockLength(b.Block), blockLength(n.Block))
	}
	return reasons
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
	"mitigations", "clocksource", "sysctl", "nics", "cpus", "machine", "vhost_net", "network", "testbed", "agent", "lab file", "variables",
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
