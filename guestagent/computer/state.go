package computer

import (
	"io/fs"
	"strconv"
	"strings"
)

// State is what the kernel has done since it started, and how busy it is: two of them
// say what went on between, beside what was measured. Counts of the network's protocols
// are of the calling thread's namespace.
func State(files fs.FS) map[string]any {
	r := root{files}
	return map[string]any{
		"load":        r.read("proc/loadavg"), // Over 1, 5 and 15 minutes; running and all threads; the last process's number.
		"steal_ticks": steal(r.text("proc/stat")),
		"interrupts":  rows(r.text("proc/interrupts")),
		"softirqs":    rows(r.text("proc/softirqs")),
		"softnet":     softnet(r.text("proc/net/softnet_stat")),
		"netstat":     protocols(r.text("proc/thread-self/net/snmp") + r.text("proc/thread-self/net/netstat")),
	}
}

// steal is the time that a hypervisor gave to others, in ticks of USER_HZ (10 ms).
func steal(stat string) int64 {
	for line := range strings.Lines(stat) {
		if fields := strings.Fields(line); len(fields) > 8 && fields[0] == "cpu" {
			return number(fields[8])
		}
	}
	return 0
}

// rows sums each row of a table with a column a processor. Rows that counted nothing are
// left out; there are dozens.
func rows(table string) map[string]int64 {
	found := map[string]int64{}
	lines := strings.Split(table, "\n")
	columns := len(strings.Fields(lines[0]))
	for _, line := range lines[1:] {
		name, rest, is := strings.Cut(strings.TrimSpace(line), ":")
		if !is {
			continue
		}
		fields := strings.Fields(rest)
		total := int64(0)
		for _, field := range fields[:min(columns, len(fields))] {
			total += number(field)
		}
		if words := fields[min(columns, len(fields)):]; len(words) > 0 { // Which device it is of.
			name += " " + strings.Join(words, " ")
		}
		if total > 0 {
			found[name] = total
		}
	}
	return found
}

// softnet has a line a processor, in hexadecimal: processed, dropped, squeezed, ….
func softnet(table string) map[string]int64 {
	found := map[string]int64{"processed": 0, "dropped": 0, "squeezed": 0}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		for i, name := range []string{"processed", "dropped", "squeezed"} {
			if i < len(fields) {
				n, _ := strconv.ParseInt(fields[i], 16, 64)
				found[name] += n
			}
		}
	}
	return found
}

// protocols reads the kernel's tables of two lines: names, then values. Those that
// counted nothing are left out; there are some three hundred.
func protocols(tables string) map[string]int64 {
	found := map[string]int64{}
	lines := strings.Split(tables, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for j := 1; j < min(len(names), len(values)); j++ {
			if n := number(values[j]); n != 0 {
				found[strings.TrimSuffix(names[0], ":")+"."+names[j]] = n
			}
		}
	}
	return found
}

// number is a count; what is none counts nothing.
func number(field string) int64 {
	n, _ := strconv.ParseInt(field, 10, 64)
	return n
}
