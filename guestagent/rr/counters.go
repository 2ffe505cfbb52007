package rr

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// counters is the state of the kernel's counters around a loop, as its thread
// sees them, not parsed before both ends of the stretch are read.
type counters struct {
	thread unix.Rusage
	clocks int64 // ns of the wall clock over the monotonic one.
	files  [len(counterFiles)][]byte
}

// counterFiles. /proc/net is the namespace's of the process, so the thread's own
// is read; softirqs, softnet_stat and stat are the same in all namespaces.
var counterFiles = [...]string{
	"/proc/thread-self/net/snmp",
	"/proc/thread-self/net/netstat",
	"/proc/softirqs",
	"/proc/thread-self/net/softnet_stat",
	"/proc/stat",
}

func readCounters() (*counters, error) {
	c := new(counters)
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &c.thread); err != nil {
		return nil, fmt.Errorf("read thread's resource usage: %w", err)
	}
	var err error
	if c.clocks, err = clockOffset(); err != nil {
		return nil, err
	}
	for i, name := range counterFiles {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read counters: %w", err)
		}
		c.files[i] = content
	}
	return c, nil
}

// clockOffset is how far the wall clock is ahead of the monotonic one. Both are
// disciplined alike, so it changes only when somebody sets the clock, by the few
// hundred ns between two readings otherwise: of three tries the closest counts.
func clockOffset() (int64, error) {
	best, offset := int64(math.MaxInt64), int64(0)
	for range 3 {
		var before, wall, after unix.Timespec
		if err := errors.Join(
			unix.ClockGettime(unix.CLOCK_MONOTONIC, &before),
			unix.ClockGettime(unix.CLOCK_REALTIME, &wall),
			unix.ClockGettime(unix.CLOCK_MONOTONIC, &after)); err != nil {
			return 0, fmt.Errorf("read clocks: %w", err)
		}
		if apart := after.Nano() - before.Nano(); apart < best {
			best, offset = apart, wall.Nano()-before.Nano()-apart/2
		}
	}
	return offset, nil
}

// since gives the differences by name. Context switches are the measuring
// thread's. TCP and UDP counters are those of the namespace that its socket is
// in, the others those of the whole machine; steal is in ticks of USER_HZ (10 ms).
func (c *counters) since(before *counters) map[string]int64 {
	difference := map[string]int64{
		"context_switches_voluntary":   c.thread.Nvcsw - before.thread.Nvcsw,
		"context_switches_involuntary": c.thread.Nivcsw - before.thread.Nivcsw,
		"clock_step_ns":                max(c.clocks-before.clocks, before.clocks-c.clocks),
	}
	old := before.parse()
	for name, value := range c.parse() {
		difference[name] = value - old[name]
	}
	return difference
}

func (c *counters) parse() map[string]int64 {
	values := make(map[string]int64)
	pairs(c.files[0], values, map[string]string{
		"Tcp.RetransSegs": "tcp_retrans_segs", "Udp.InErrors": "udp_in_errors", "Udp.RcvbufErrors": "udp_rcvbuf_errors",
	})
	pairs(c.files[1], values, map[string]string{"TcpExt.TCPTimeouts": "tcp_timeouts"})
	softirqs(c.files[2], values)
	softnet(c.files[3], values)
	stat(c.files[4], values)
	return values
}

// pairs reads the kernel's tables of two lines: names, then values.
func pairs(content []byte, into map[string]int64, wanted map[string]string) {
	lines := strings.Split(string(content), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for j := 1; j < len(names) && j < len(values); j++ {
			if name := wanted[strings.TrimSuffix(names[0], ":")+"."+names[j]]; name != "" {
				into[name], _ = strconv.ParseInt(values[j], 10, 64)
			}
		}
	}
}

func softirqs(content []byte, into map[string]int64) {
	for line := range bytes.Lines(content) {
		fields := strings.Fields(string(line))
		name := map[string]string{"NET_RX:": "softirq_net_rx", "NET_TX:": "softirq_net_tx"}[fields[0]]
		if name != "" {
			into[name] = sum(fields[1:], 10)
		}
	}
}

// softnet has a line a CPU, in hexadecimal: processed, dropped, squeezed, ….
func softnet(content []byte, into map[string]int64) {
	for line := range bytes.Lines(content) {
		if fields := strings.Fields(string(line)); len(fields) > 2 {
			into["softnet_dropped"] += sum(fields[1:2], 16)
			into["softnet_squeezed"] += sum(fields[2:3], 16)
		}
	}
}

// stat: the eighth number of "cpu" is steal, the first of "intr" the total.
func stat(content []byte, into map[string]int64) {
	for line := range bytes.Lines(content) {
		key, rest, _ := strings.Cut(string(line), " ")
		fields := strings.Fields(rest)
		switch {
		case key == "cpu" && len(fields) > 7:
			into["steal_ticks"] = sum(fields[7:8], 10)
		case key == "intr" && len(fields) > 0:
			into["interrupts"] = sum(fields[:1], 10)
		case key == "ctxt" && len(fields) > 0:
			into["machine_context_switches"] = sum(fields[:1], 10)
		}
	}
}

func sum(fields []string, base int) (total int64) {
	for _, field := range fields {
		n, _ := strconv.ParseInt(field, base, 64)
		total += n
	}
	return total
}
