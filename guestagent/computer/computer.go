// Package computer describes what a kernel runs on, a guest's and a host's alike: the
// processor, what it does to save power, how it is shared. It reads files, changes
// nothing, and knows nothing of networks.
//
// Invariant: every name is always there. What the kernel does not tell is [Untold], so
// that a reader can tell "off" from "nobody looked".
package computer

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Untold stands where the kernel has no answer: a guest is shown no governor.
const Untold = "not told by this kernel"

// Where the kernel keeps what it says of processors and memory nodes.
const (
	processors = "/sys/devices/system/cpu"
	nodes      = "/sys/devices/system/node"
)

// Facts are what moves a latency and is no network's.
func Facts() map[string]any {
	facts := map[string]any{
		"cpus":          runtime.NumCPU(),
		"cpu_model":     Untold,
		"cpu_microcode": Untold,
		"mitigations":   folder(filepath.Join(processors, "vulnerabilities")),
		"smt":           read(filepath.Join(processors, "smt/control")),
		"governor":      all(filepath.Join(processors, "cpufreq/policy*/scaling_governor")),
		"c_states":      idleStates(),
		"turbo":         turbo(),
		"numa":          memoryNodes(),
	}
	for name, value := range firstProcessor() {
		facts[name] = value
	}
	return facts
}

// Release is the kernel's, as uname -r has it.
func Release() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return Untold
	}
	return unix.ByteSliceToString(name.Release[:])
}

// firstProcessor reads the model, its microcode and its flags.
func firstProcessor() map[string]string {
	facts := map[string]string{}
	content, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(content)) {
		key, value, _ := strings.Cut(line, ":")
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); key {
		case "": // The first CPU's part ends.
			return facts
		case "model name":
			facts["cpu_model"] = value
		case "microcode", "flags":
			facts["cpu_"+key] = value
		}
	}
	return facts
}

// turbo is what the driver says of clocks beyond the nominal one. Two drivers say it
// with opposite words.
func turbo() string {
	if off := read(filepath.Join(processors, "intel_pstate/no_turbo")); off != Untold {
		return map[string]string{"0": "on", "1": "off"}[off]
	}
	if on := read(filepath.Join(processors, "cpufreq/boost")); on != Untold {
		return map[string]string{"1": "on", "0": "off"}[on]
	}
	return Untold
}

// idleStates are the states in which a processor without work waits, with the time in
// microseconds that it takes out of each, and who chooses.
func idleStates() map[string]string {
	found := map[string]string{
		"driver":   read(filepath.Join(processors, "cpuidle/current_driver")),
		"governor": read(filepath.Join(processors, "cpuidle/current_governor")),
	}
	states, _ := filepath.Glob(filepath.Join(processors, "cpu0/cpuidle/state*")) // The pattern is no bad one.
	for _, state := range states {
		text := read(filepath.Join(state, "latency")) + " us"
		if read(filepath.Join(state, "disable")) == "1" {
			text += ", disabled"
		}
		found[read(filepath.Join(state, "name"))] = text
	}
	return found
}

// memoryNodes are the processors of each.
func memoryNodes() map[string]string {
	found := map[string]string{"online": read(filepath.Join(nodes, "online"))}
	lists, _ := filepath.Glob(filepath.Join(nodes, "node*/cpulist")) // The pattern is no bad one.
	for _, list := range lists {
		found[filepath.Base(filepath.Dir(list))] = read(list)
	}
	return found
}

// all are the texts of files, each once, sorted.
func all(pattern string) string {
	files, _ := filepath.Glob(pattern) // The pattern is no bad one.
	var texts []string
	for _, file := range files {
		texts = append(texts, read(file))
	}
	slices.Sort(texts)
	if texts = slices.Compact(texts); len(texts) == 0 {
		return Untold
	}
	return strings.Join(texts, ", ")
}

// folder has the text of each file in one.
func folder(path string) map[string]string {
	found := map[string]string{}
	entries, _ := os.ReadDir(path)
	for _, entry := range entries {
		found[entry.Name()] = read(filepath.Join(path, entry.Name()))
	}
	return found
}

func read(path string) string {
	content, err := os.ReadFile(path)
	if text := strings.TrimSpace(string(content)); err == nil && text != "" {
		return text
	}
	return Untold
}
