// Package rr runs request/response transactions between a client and a server:
// TCP_RR, UDP_RR and TCP_CRR, over one connection or many, in a closed or an open
// loop. It knows nothing of modes or of the other machine's agent, and computes
// no statistics beyond an exact mean, minimum and maximum.
//
// The loop of one connection is netperf's: one thread, a blocking socket, one
// send and one receive a transaction. In Go that takes a goroutine that is locked
// to a pinned thread, raw system calls and leaving the scheduler (away.go);
// net.Conn reaches 45% of netperf's rate on loopback, syscall.Read 70 to 90%. Many
// connections and open loops are served by one thread as well, with non-blocking
// sockets and epoll (many.go), and stay in the scheduler. Nothing may stop the
// world meanwhile, for it would wait for a thread that is blocked in the kernel:
// the garbage collector is off while a loop runs (quiet.go).
//
// Invariant: the loop allocates nothing, and nothing waits for ever.
package rr

import (
	"fmt"
	"net/netip"
	"time"
)

// The protocols.
const (
	TCP = "tcp_rr"
	UDP = "udp_rr"
	CRR = "tcp_crr" // Connect, request, response, close.
)

// The schedules of an open loop.
const (
	Poisson  = "poisson"  // Exponential intervals, as independent users make.
	Periodic = "periodic" // Equal intervals.
)

// MaxDatagram is the largest UDP payload over IPv4, in bytes.
const MaxDatagram = 65507

// Config is a workload. Client and server are given the same.
type Config struct {
	Protocol string // TCP, UDP or CRR.
	Request  int    // Bytes; at least 1.
	Response int    // Bytes; at least 1.
	NoDelay  bool   // TCP_NODELAY.
	// Connections in parallel; 0 is 1.
	Connections int
	// Rate, in transactions a second over all connections, makes the loop an
	// open one: a transaction is timed from when the schedule intends its
	// request, whether or not a connection was free for it then. 0 is a closed
	// loop, in which each connection sends when its last answer has come.
	Rate     float64
	Schedule string // Poisson or Periodic; of an open loop.
	Seed     uint64 // Of a Poisson schedule.

	// Warmup precedes the measurement on the same connection. Its
	// transactions are stored apart. Optional.
	Warmup time.Duration
	// Duration of the measurement, or Transactions in it: one of them is set.
	Duration     time.Duration
	Transactions int64

	// CPU to pin the thread to: an index into those that the process may use.
	CPU int
	// Priority of the thread under SCHED_FIFO; 0 is the ordinary scheduler.
	Priority int
	// BusyPoll is SO_BUSY_POLL, in whole microseconds; 0 leaves what the system has.
	BusyPoll time.Duration
	// Enter is run first on the thread, to move it into a network namespace.
	// Optional.
	Enter func() error
}

// Network is the protocol under the workload, "tcp" or "udp".
func (c *Config) Network() string {
	if c.Protocol == UDP {
		return "udp"
	}
	return "tcp"
}

// MaxConnections is how many a test has at most.
const MaxConnections = 10_000

func (c *Config) open() bool { return c.Rate > 0 }

// many says whether the loop is the one of many.go.
func (c *Config) many() bool { return c.Connections > 1 || c.open() }

func (c *Config) check() error {
	switch {
	case c.Protocol != TCP && c.Protocol != UDP && c.Protocol != CRR:
		return fmt.Errorf("protocol %q is unknown; there are %s, %s and %s", c.Protocol, TCP, UDP, CRR)
	case c.Connections < 0 || c.Connections > MaxConnections:
		return fmt.Errorf("%d connections: at most %d", c.Connections, MaxConnections)
	case c.Rate < 0 || c.Rate > 1e9:
		return fmt.Errorf("rate of %v: between 0, a closed loop, and 1e9 transactions a second", c.Rate)
	case c.open() && c.Schedule != Poisson && c.Schedule != Periodic:
		return fmt.Errorf("schedule %q is unknown; there are %s and %s", c.Schedule, Poisson, Periodic)
	case c.Priority < 0 || c.Priority > 99:
		return fmt.Errorf("priority %d: SCHED_FIFO has 1 to 99; 0 is the ordinary scheduler", c.Priority)
	case c.Request < 1 || c.Response < 1:
		return fmt.Errorf("request of %d and response of %d bytes: both must be at least 1", c.Request, c.Response)
	case c.Protocol == UDP && max(c.Request, c.Response) > MaxDatagram:
		return fmt.Errorf("request of %d and response of %d bytes: a datagram holds %d at most", c.Request, c.Response, MaxDatagram)
	case (c.Duration > 0) == (c.Transactions > 0):
		return fmt.Errorf("duration %v and %d transactions: exactly one of them ends a block", c.Duration, c.Transactions)
	}
	return nil
}

// Times after which a loop gives up.
const (
	// answerTimeout is how long a UDP request waits for its answer. It is what
	// Linux's TCP waits before its first retransmission (TCP_RTO_MIN, 200 ms).
	answerTimeout = 200 * time.Millisecond
	// unanswered is how many requests in a row may be lost before the block is.
	unanswered = 10
	// stall is how long a loop may go without a transaction.
	stall = 2 * time.Second
	// connectTimeout allows for one lost SYN, which is repeated after 1 s.
	connectTimeout = 3 * time.Second
)

// Result is what the client saw.
type Result struct {
	Local, Remote netip.AddrPort
	Started       time.Time
	// Elapsed is from the first send to the last receive of the measurement.
	Elapsed time.Duration
	Lost    int64 // UDP requests given up.
	Late    int64 // UDP answers to requests given up before.
	// Duplicates are UDP answers that had come before.
	Duplicates int64
	// Missed is how many requests of an open loop were sent later than intended
	// by more than a tenth of the mean interval, or not at all; MaxLag is the
	// longest that one waited, in ns.
	Missed int64
	MaxLag int64
	// Halves of the measurement, by time.
	Halves [2]Half
	// Counters are differences over the measurement; see counters.go.
	Counters map[string]int64
	// Socket is what the kernel says of the client's sockets and thread.
	Socket map[string]string
}

// Half is one half of a measurement; times in ns.
type Half struct {
	Transactions int64
	P50, Mean    float64
}

// Served is what the server saw, warm-up included: it cannot tell it apart.
type Served struct {
	Transactions int64
	Counters     map[string]int64
	Socket       map[string]string // As [Result.Socket].
}
