package local

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/provision"
)

// ownCPUs are those that this process may use, one of each core first, so that
// machines share a core only where there are not enough.
func ownCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("ask for this process's CPUs: %w", err)
	}
	var all []int
	for cpu := range len(set) * strconv.IntSize {
		if set.IsSet(cpu) {
			all = append(all, cpu)
		}
	}
	return coresFirst(all, siblings), nil
}

// siblings lists the CPUs of a CPU's core, as the kernel prints them: one text
// a core. A kernel that does not say has a core for each.
func siblings(cpu int) string {
	text, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
	if err != nil {
		return strconv.Itoa(cpu)
	}
	return strings.TrimSpace(string(text))
}

func coresFirst(cpus []int, core func(int) string) []int {
	rank, seen := map[int]int{}, map[string]int{}
	for _, cpu := range cpus {
		rank[cpu] = seen[core(cpu)]
		seen[core(cpu)]++
	}
	sorted := slices.Clone(cpus)
	slices.SortStableFunc(sorted, func(a, b int) int { return rank[a] - rank[b] })
	return sorted
}

// deal gives each machine its CPUs in turn. Where there are not enough it goes
// round, and shared says so.
func deal(machines []provision.MachineRequest, cpus []int) (dealt map[string][]int, shared bool) {
	dealt = map[string][]int{}
	next := 0
	for _, m := range machines {
		for range min(max(m.CPUs, 1), len(cpus)) {
			dealt[m.Name] = append(dealt[m.Name], cpus[next%len(cpus)])
			next++
		}
		shared = shared || m.CPUs > len(cpus)
		slices.Sort(dealt[m.Name])
	}
	return dealt, shared || next > len(cpus)
}

// cpuList prints CPUs as taskset reads them.
func cpuList(cpus []int) string {
	texts := make([]string, len(cpus))
	for i, cpu := range cpus {
		texts[i] = strconv.Itoa(cpu)
	}
	return strings.Join(texts, ",")
}
