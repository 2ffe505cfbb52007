package local

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/provision"
)

// description is what a result says of a lab, also when it is down again.
type description struct {
	cpus     map[string]string // By machine.
	networks map[string]string // Kind, by network.
	shared   bool
}

func (b *Backend) describe(want provision.Request, cpus map[string][]int, shared bool) {
	d := description{cpus: map[string]string{}, networks: map[string]string{}, shared: shared}
	for name, its := range cpus {
		d.cpus[name] = cpuList(its)
	}
	for _, n := range want.Networks {
		members := 0
		for _, m := range want.Machines {
			if _, is := m.NIC(n.Name); is {
				members++
			}
		}
		d.networks[n.Name] = kindOf(members)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made[want.Lab] = d
}

// sayWhatIsDifferent tells once what a lab file asks for and one kernel ignores.
func (b *Backend) sayWhatIsDifferent(cpus int, shared bool) {
	b.sink.Note(fmt.Sprintf("no VMs: machines are namespaces of this kernel (%s); image and memory mean nothing here", kernelRelease()))
	if shared {
		b.sink.Note(fmt.Sprintf("the machines want more than the %d CPUs that there are, and share them: latencies hold the wait for each other", cpus))
	}
}

// Facts describe this machine, and how this process's labs were laid out.
func (b *Backend) Facts(context.Context) (map[string]any, error) {
	facts := map[string]any{
		"machines":       "network namespaces of this kernel",
		"kernel":         kernelRelease(),
		"cpu_model":      cpuModel(),
		"cpus":           runtime.NumCPU(),
		"user_namespace": contained(),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	cpus, networks, shared := map[string]any{}, map[string]any{}, false
	for lab, d := range b.made {
		for name, its := range d.cpus {
			cpus[lab+"/"+name] = its
		}
		for name, kind := range d.networks {
			networks[lab+"/"+name] = kind
		}
		shared = shared || d.shared
	}
	facts["machine_cpus"], facts["networks"], facts["cpus_shared"] = cpus, networks, shared
	return facts, nil
}

func kernelRelease() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, is := strings.Cut(line, ":"); is && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
