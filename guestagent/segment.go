package guestagent

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/testbed-lab/testbed/guestagent/engine"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/rr"
)

// check refuses a segment that this agent would misunderstand, before it touches
// anything. What a single block cannot do is that block's result.
func check(s *proto.Segment) error {
	if s.Version != proto.Version {
		return fmt.Errorf("read segment: protocol version %d; this agent speaks %d: push the agent that belongs to the conductor", s.Version, proto.Version)
	}
	if s.Role != proto.Client && s.Role != proto.Server {
		return fmt.Errorf("read segment: role %q is neither client nor server", s.Role)
	}
	for _, host := range []proto.Host{s.Self, s.Peer} {
		if !is4(host.Address) {
			return fmt.Errorf("read segment: machine %q has address %q, not an IPv4 one with its prefix length", host.Name, host.Address)
		}
	}
	for i, block := range s.Blocks {
		if _, err := findMode(s, block.Mode); err != nil {
			return fmt.Errorf("read segment: block %d: %w", i, err)
		}
		if _, err := findTest(s, block.Test); err != nil {
			return fmt.Errorf("read segment: block %d: %w", i, err)
		}
		if block.Engine != "" && !engine.Known(block.Engine) {
			return fmt.Errorf("read segment: block %d: no engine is named %q", i, block.Engine)
		}
	}
	return checkContainers(s)
}

// checkContainers makes sure that every address that a mode needs is there.
func checkContainers(s *proto.Segment) error {
	for _, mode := range s.Modes {
		if what, ok := addressed(s, mode); !ok {
			return fmt.Errorf("read segment: mode %q needs %s", mode.Name, what)
		}
	}
	return nil
}

// addressed says which addresses a mode needs, and whether they are there.
func addressed(s *proto.Segment, mode proto.Mode) (what string, ok bool) {
	inner := is4(s.Inner.Gateway) && is4(s.Inner.Container)
	switch {
	case slices.Contains([]string{netmode.KindHost, netmode.KindLoopback, netmode.KindContainer}, mode.Kind):
		return "", true
	case netmode.Tunnels(mode.Kind):
		return "an overlay address on both machines, and an inner subnet", inner && is4(s.Self.Overlay) && is4(s.Peer.Overlay)
	case mode.Masquerade:
		return "an inner subnet to masquerade", inner
	case mode.Shim && !inner:
		return "an inner subnet for its shim", false
	}
	return "a container address on both machines", is4(s.Self.Container) && is4(s.Peer.Container)
}

func is4(p netip.Prefix) bool { return p.IsValid() && p.Addr().Is4() }

func findMode(s *proto.Segment, name string) (proto.Mode, error) {
	for _, mode := range s.Modes {
		if mode.Name == name {
			return mode, nil
		}
	}
	if name == netmode.KindHost || name == netmode.KindLoopback {
		return proto.Mode{Name: name, Kind: name}, nil
	}
	return proto.Mode{}, fmt.Errorf("no mode is named %q", name)
}

func findTest(s *proto.Segment, name string) (proto.Test, error) {
	for _, test := range s.Tests {
		if test.Name == name {
			return test, nil
		}
	}
	return proto.Test{}, fmt.Errorf("no test is named %q", name)
}

// workload is a test as package rr has it.
func workload(test proto.Test) rr.Config {
	config := rr.Config{
		Protocol: test.Protocol, Request: test.Request, Response: test.Response, NoDelay: test.NoDelay,
		Warmup: test.Warmup, Duration: test.Duration, Transactions: int64(test.Transactions),
		Connections: test.Connections, Rate: test.Rate, Schedule: test.Schedule,
		BusyPoll: test.BusyPoll, CPU: test.CPU, Priority: test.Priority,
	}
	if config.Transactions > 0 {
		config.Duration = 0
	}
	return config
}
