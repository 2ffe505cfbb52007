package rr

import (
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/procfs"
)

// counters is the state of the kernel's counters around a loop, as its thread
// sees them, not parsed before both ends of the stretch are read.
type counters struct {
	thread unix.Rusage
	clocks int64 // ns of the wall clock over the monotonic one.
	files  [len(counterTables)][]byte
}

// counterTables are what a block's counters are taken from, and by which names. /proc/net
// is the namespace's of the process, so the thread's own is read; softirqs, softnet_stat
// and stat are the same in all namespaces.
var counterTables = [...]struct {
	file  string
	read  func(text string) map[string]int64
	names map[string]string
}{
	{"/proc/thread-self/net/snmp", procfs.Protocols, map[string]string{
		"Tcp.RetransSegs": "tcp_retrans_segs", "Tcp.InSegs": "tcp_in_segs", "Tcp.OutSegs": "tcp_out_segs",
		"Udp.InDatagrams": "udp_in_datagrams", "Udp.OutDatagrams": "udp_out_datagrams", "Udp.InErrors": "udp_in_errors", "Udp.RcvbufErrors": "udp_rcvbuf_errors",
	}},
	{"/proc/thread-self/net/netstat", procfs.Protocols, map[string]string{"TcpExt.TCPTimeouts": "tcp_timeouts"}},
	{"/proc/softirqs", procfs.Rows, map[string]string{"NET_RX": "softirq_net_rx", "NET_TX": "softirq_net_tx"}},
	{"/proc/thread-self/net/softnet_stat", procfs.Softnet, map[string]string{"dropped": "softnet_dropped", "squeezed": "softnet_squeezed"}},
	{"/proc/stat", procfs.Stat, map[string]string{
		"steal_ticks": "steal_ticks", "interrupts": "interrupts", "context_switches": "machine_context_switches",
	}},
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
	for i, table := range counterTables {
		content, err := os.ReadFile(table.file)
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
// in, the others those of the whole machine. What the kernel counts is there, also at 0.
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
	for i, table := range counterTables {
		found := table.read(string(c.files[i]))
		for name, ours := range table.names {
			if n, told := found[name]; told {
				values[ours] = n
			}
		}
	}
	return values
}
