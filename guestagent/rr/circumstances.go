package rr

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// socketOptions are those that move a latency, by their names in socket(7), tcp(7).
var socketOptions = []struct {
	name          string
	level, option int
}{
	{"SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF},
	{"SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF},
	{"SO_PRIORITY", unix.SOL_SOCKET, unix.SO_PRIORITY},
	{"SO_BUSY_POLL", unix.SOL_SOCKET, unix.SO_BUSY_POLL},
	{"SO_INCOMING_CPU", unix.SOL_SOCKET, unix.SO_INCOMING_CPU},
	{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY},
	{"TCP_QUICKACK", unix.IPPROTO_TCP, unix.TCP_QUICKACK},
	{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT},
}

// circumstances asks the kernel in what a loop runs: the options that a socket of its kind
// has once it is set up as the loop's are, the CPUs that the calling thread may use, and
// its scheduler. The socket is one more, which sends nothing, so that none of the loop's is
// touched between two transactions.
func (c *Config) circumstances() (map[string]string, error) {
	probe := socket{fd: -1}
	if err := probe.open(c.kind()); err != nil {
		return nil, err
	}
	defer probe.close()
	if err := c.tune(probe.fd); err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, one := range socketOptions {
		if value, err := unix.GetsockoptInt(probe.fd, one.level, one.option); err == nil { // UDP has none of TCP's.
			found[one.name] = strconv.Itoa(value)
		}
	}
	if name, err := unix.GetsockoptString(probe.fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION); err == nil {
		found["TCP_CONGESTION"] = strings.TrimRight(name, "\x00")
	}
	return found, scheduling(found)
}

// scheduling adds those of the calling thread.
func scheduling(found map[string]string) error {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("read CPU affinity: %w", err)
	}
	var cpus []string
	for cpu := range len(allowed) * 64 {
		if allowed.IsSet(cpu) {
			cpus = append(cpus, strconv.Itoa(cpu))
		}
	}
	found["cpus"] = strings.Join(cpus, ",")
	attributes, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return fmt.Errorf("read scheduler: %w", err)
	}
	policies := map[uint32]string{unix.SCHED_NORMAL: "SCHED_OTHER", unix.SCHED_FIFO: "SCHED_FIFO"}
	found["policy"] = policies[attributes.Policy]
	found["priority"] = strconv.FormatUint(uint64(attributes.Priority), 10)
	return nil
}
