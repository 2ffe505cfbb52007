// Package procfs reads the kernel's tables of counters, as /proc has them, out of their
// text. It opens no file.
//
// Invariant: a counter that the kernel keeps is in the answer, also at 0; one that it does
// not keep is not. So a reader can tell "none" from "nobody counts".
package procfs

import (
	"strconv"
	"strings"
)

// Protocols reads tables of two lines, names and then values, as net/snmp and net/netstat
// have them: by "Tcp.RetransSegs".
func Protocols(tables string) map[string]int64 {
	found := map[string]int64{}
	lines := strings.Split(tables, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for j := 1; j < min(len(names), len(values)); j++ {
			add(found, strings.TrimSuffix(names[0], ":")+"."+names[j], values[j], 10)
		}
	}
	return found
}

// Rows sums each row of a table with a column a processor, as interrupts and softirqs are,
// by its name and, of an interrupt, what it is of.
func Rows(table string) map[string]int64 {
	found := map[string]int64{}
	heads, rest, _ := strings.Cut(table, "\n")
	processors := len(strings.Fields(heads))
	for line := range strings.Lines(rest) {
		name, values, is := strings.Cut(strings.TrimSpace(line), ":")
		if !is {
			continue
		}
		fields := strings.Fields(values)
		columns := min(processors, len(fields)) // Some rows have one for all.
		name = strings.Join(append([]string{name}, fields[columns:]...), " ")
		for _, field := range fields[:columns] {
			add(found, name, field, 10)
		}
	}
	return found
}

// softnetColumns are the first of net/softnet_stat.
var softnetColumns = []string{"processed", "dropped", "squeezed"}

// Softnet sums net/softnet_stat, which has a line a processor, in hexadecimal: packets
// processed and dropped, and how often time was up before all were (squeezed).
func Softnet(table string) map[string]int64 {
	found := map[string]int64{}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		for i, name := range softnetColumns[:min(len(softnetColumns), len(fields))] {
			add(found, name, fields[i], 16)
		}
	}
	return found
}

// Stat reads what stat says of the whole machine: steal_ticks, the time that a hypervisor
// gave to others, in ticks of USER_HZ (10 ms); interrupts; context_switches.
func Stat(text string) map[string]int64 {
	found := map[string]int64{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 8 && fields[0] == "cpu":
			add(found, "steal_ticks", fields[8], 10)
		case len(fields) > 1 && fields[0] == "intr": // The total, and then each.
			add(found, "interrupts", fields[1], 10)
		case len(fields) > 1 && fields[0] == "ctxt":
			add(found, "context_switches", fields[1], 10)
		}
	}
	return found
}

// Memory reads meminfo, in bytes.
func Memory(text string) map[string]int64 {
	found := map[string]int64{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		kb, sized := strings.CutSuffix(strings.TrimSpace(value), " kB")
		if n, err := strconv.ParseInt(kb, 10, 64); err == nil && sized {
			found[name] = n << 10
		}
	}
	return found
}

// add counts a field to a counter; what is no number is none.
func add(to map[string]int64, name, field string, base int) {
	if n, err := strconv.ParseInt(field, base, 64); err == nil {
		to[name] += n
	}
}
