// Package rr runs request/response transactions between a client and a server:
// TCP_RR and UDP_RR, one connection, closed loop. It knows nothing of modes or
// of the other machine's agent, and computes no statistics beyond an exact mean,
// minimum and maximum.
//
// The loop is netperf's: one thread, a blocking socket, one send and one receive
// a transaction. In Go that takes a goroutine locked to a pinned thread and raw
// system calls, which the scheduler does not see; net.Conn reaches 45% of
// netperf's rate on loopback, syscall.Read 70 to 90%. Nothing may stop the world
// meanwhile, for it would wait for a thread that is blocked in the kernel: the
// garbage collector is off while a loop runs (see quiet.go).
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
)

// MaxDatagram is the largest UDP payload over IPv4, in bytes.
const MaxDatagram = 65507

// Config is a workload. Client and server are given the same.
type Config struct {
	Protocol string // TCP or UDP.
	Request  int    // Bytes; at least 1.
	Response int    // Bytes; at least 1.
	NoDelay  bool   // TCP_NODELAY.

	// Warmup precedes the measurement on the same connection. Its
	// transactions are stored apart. Optional.
	Warmup time.Duration
	// Duration of the measurement, or Transactions in it: one of them is set.
	Duration     time.Duration
	Transactions int64

	// CPU to pin the thread to: an index into those that the process may use.
	CPU int
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

func (c *Config) check() error {
	switch {
	case c.Protocol != TCP && c.Protocol != UDP:
		return fmt.Errorf("protocol %q is not built yet; there are %s and %s", c.Protocol, TCP, UDP)
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
	// Counters are differences over the measurement; see counters.go.
	Counters map[string]int64
}

// Served is what the server saw, warm-up included: it cannot tell it apart.
type Served struct {
	Transactions int64
	Counters     map[string]int64
}
