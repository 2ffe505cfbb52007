// Package computer describes what a kernel runs on, a guest's and a host's alike: the
// processor, what it does to save power, how it is shared. It reads files, changes
// nothing, and knows nothing of networks. Whose files they are its callers say: this
// computer's ([Here]), or those of [FactFiles] or [StateFiles] that were fetched from
// another one.
//
// Invariant: every name is always there. What the kernel does not tell is [Untold], so
// that a reader can tell "off" from "nobody looked".
package computer

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Untold stands where the kernel has no answer: a guest is shown no governor.
const Untold = "not told by this kernel"

// Where the kernel keeps what it says of processors and memory nodes.
const (
	processors = "sys/devices/system/cpu"
	nodes      = "sys/devices/system/node"
)

// Here are the files of this computer.
func Here() fs.FS { return os.DirFS("/") }

// FactFiles are the patterns, as of [path.Match], of all that [Facts] and [Release] read,
// from the root on.
var FactFiles = []string{
	"proc/cpuinfo", "proc/sys/kernel/osrelease",
	processors + "/vulnerabilities/*", processors + "/smt/control", governors, processors + "/intel_pstate/no_turbo",
	processors + "/cpufreq/boost", processors + "/cpuidle/current_*", idle + "/*", nodes + "/online", lists,
}

const (
	governors = processors + "/cpufreq/policy*/scaling_governor"
	idle      = processors + "/cpu0/cpuidle/state*"
	lists     = nodes + "/node*/cpulist"
)

// root is whose files are read.
type root struct{ fs.FS }

// Facts are what moves a latency and is no network's.
func Facts(files fs.FS) map[string]any {
	r := root{files}
	facts := map[string]any{
		"cpu_model":     Untold,
		"cpu_microcode": Untold,
		"mitigations":   r.folder(path.Join(processors, "vulnerabilities")),
		"smt":           r.read(path.Join(processors, "smt/control")),
		"governor":      r.all(governors),
		"c_states":      r.idleStates(),
		"turbo":         r.turbo(),
		"numa":          r.memoryNodes(),
	}
	for name, value := range r.allProcessors() {
		facts[name] = value
	}
	return facts
}

// Release is the kernel's, as uname -r has it.
func Release(files fs.FS) string { return root{files}.read("proc/sys/kernel/osrelease") }

// allProcessors counts them, and reads the first one's model, its microcode and its flags.
func (r root) allProcessors() map[string]any {
	facts, cpus := map[string]any{}, 0
	for line := range strings.Lines(r.text("proc/cpuinfo")) {
		key, value, _ := strings.Cut(line, ":")
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); {
		case key == "processor":
			cpus++
		case cpus > 1: // The first one's part has ended.
		case key == "model name":
			facts["cpu_model"] = value
		case key == "microcode" || key == "flags":
			facts["cpu_"+key] = value
		}
	}
	facts["cpus"] = cpus
	return facts
}

// turbo is what the driver says of clocks beyond the nominal one. Two drivers say it
// with opposite words.
func (r root) turbo() string {
	if off := r.read(path.Join(processors, "intel_pstate/no_turbo")); off != Untold {
		return map[string]string{"0": "on", "1": "off"}[off]
	}
	if on := r.read(path.Join(processors, "cpufreq/boost")); on != Untold {
		return map[string]string{"1": "on", "0": "off"}[on]
	}
	return Untold
}

// idleStates are the states in which a processor without work waits, with the time in
// microseconds that it takes out of each, and who chooses.
func (r root) idleStates() map[string]string {
	found := map[string]string{
		"driver":   r.read(path.Join(processors, "cpuidle/current_driver")),
		"governor": r.read(path.Join(processors, "cpuidle/current_governor")),
	}
	states, _ := fs.Glob(r, idle) // The pattern is no bad one.
	for _, state := range states {
		text := r.read(path.Join(state, "latency")) + " us"
		if r.read(path.Join(state, "disable")) == "1" {
			text += ", disabled"
		}
		found[r.read(path.Join(state, "name"))] = text
	}
	return found
}

// memoryNodes are the processors of each.
func (r root) memoryNodes() map[string]string {
	found := map[string]string{"online": r.read(path.Join(nodes, "online"))}
	online, _ := fs.Glob(r, lists) // The pattern is no bad one.
	for _, list := range online {
		found[path.Base(path.Dir(list))] = r.read(list)
	}
	return found
}

// all are the texts of files, each once, sorted.
func (r root) all(pattern string) string {
	files, _ := fs.Glob(r, pattern) // The pattern is no bad one.
	var texts []string
	for _, file := range files {
		texts = append(texts, r.read(file))
	}
	slices.Sort(texts)
	if texts = slices.Compact(texts); len(texts) == 0 {
		return Untold
	}
	return strings.Join(texts, ", ")
}

// folder has the text of each file in one.
func (r root) folder(name string) map[string]string {
	found := map[string]string{}
	entries, _ := fs.ReadDir(r, name)
	for _, entry := range entries {
		found[entry.Name()] = r.read(path.Join(name, entry.Name()))
	}
	return found
}

func (r root) read(name string) string {
	if text := strings.TrimSpace(r.text(name)); text != "" {
		return text
	}
	return Untold
}

// text of a file; of one that cannot be read it is empty.
func (r root) text(name string) string {
	content, _ := fs.ReadFile(r, name)
	return string(content)
}
