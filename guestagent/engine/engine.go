// Package engine runs the tools that people trust, netperf and sockperf, where
// the agent's own loop would run: in the same namespace, on the same CPU, with
// the same sizes and socket options. It takes their figures as they print them
// and computes none. It knows nothing of modes or of the other machine's agent.
//
// Invariant: a tool outlives neither its context nor the agent, however that
// ends, and what a tool cannot do is unsupported by name, never replaced by
// something near it.
package engine

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/rr"
)

// The engines.
const (
	Netperf  = "netperf"
	Sockperf = "sockperf"
)

// tcpCRR is the workload with a connection for each transaction.
const tcpCRR = "tcp_crr"

// ErrUnsupported marks what a tool cannot do, or that it is not there.
var ErrUnsupported = errors.New("unsupported")

// unsupported is an error that matches [ErrUnsupported] and reads as a sentence.
type unsupported string

func (u unsupported) Error() string      { return string(u) }
func (unsupported) Is(target error) bool { return target == ErrUnsupported }

func unsupportedf(format string, args ...any) error {
	return unsupported(fmt.Sprintf(format, args...))
}

// Config is a block of a tool. Client and server are given the same.
type Config struct {
	Engine string
	Test   proto.Test
	// Enter is run first on the thread that starts the tool, to move it into a
	// network namespace. Optional.
	Enter func() error
}

// Known reports whether there is such an engine.
func Known(name string) bool { return name == Netperf || name == Sockperf }

// NeedsControl reports whether the engine has a control connection, always TCP,
// beside the one that is measured.
func NeedsControl(name string) bool { return name == Netperf }

// Prepare says whether this machine can run its part: an error that matches
// [ErrUnsupported] says why not. It touches nothing.
func (c *Config) Prepare(role proto.Role) error {
	if err := c.able(); err != nil {
		return err
	}
	_, err := find(c.program(role))
	return err
}

// able says what the tool cannot do of what the test asks for.
func (c *Config) able() error {
	t := c.Test
	switch {
	case t.Connections > 1:
		return unsupportedf("%s has one connection, and the test asks for %d", c.Engine, t.Connections)
	case t.Rate > 0:
		return unsupportedf("%s measures in a closed loop only, and the test asks for a rate", c.Engine)
	case c.Engine == Netperf && t.BusyPoll > 0:
		return unsupportedf("netperf cannot set SO_BUSY_POLL")
	case c.Engine == Netperf:
		return nil
	case t.Protocol == tcpCRR:
		return unsupportedf("sockperf has no %s", tcpCRR)
	case t.Transactions > 0:
		return unsupportedf("sockperf ends after a time only, and the test's blocks after %d transactions", t.Transactions)
	case t.Request != t.Response || t.Request < sockperfLeast || t.Request > rr.MaxDatagram:
		return unsupportedf("sockperf's messages have %d to %d bytes and are as long back as there; the test has a request of %d and a response of %d",
			sockperfLeast, rr.MaxDatagram, t.Request, t.Response)
	}
	return nil
}

// program is what an end runs.
func (c *Config) program(role proto.Role) string {
	if c.Engine == Netperf && role == proto.Server {
		return "netserver"
	}
	return c.Engine
}

func (c *Config) udp() bool { return c.Test.Protocol == rr.UDP }

// seconds is how long the tool is told to measure: both take whole seconds, so
// a shorter block is rounded up.
func (c *Config) seconds() int {
	length := c.Test.Duration
	if c.Engine == Sockperf {
		length += sockperfUnused
	}
	return max(1, int(math.Ceil(length.Seconds())))
}

// countTimeout bounds a block that a number of transactions ends.
const countTimeout = 10 * time.Minute

// Length is how long the client's tool may take when all is well.
func (c *Config) Length() time.Duration {
	if c.Test.Transactions > 0 {
		return countTimeout
	}
	return time.Duration(c.seconds()) * time.Second
}

// Result is what the client's tool printed.
type Result struct {
	Started      time.Time
	Elapsed      time.Duration
	Transactions int64
	Mean         float64 // ns.
	Min, Max     int64
	Lost         int64
	Duplicates   int64
	Counters     map[string]int64
	Figures      proto.Figures
}
