package guestagent

import (
	"errors"

	"github.com/testbed-lab/testbed/guestagent/engine"
	"github.com/testbed-lab/testbed/guestagent/leak"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// verdict is how a block went, by one agent or by both. The zero value is none.
type verdict struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

var fine = verdict{Status: proto.StatusOK}

// judge names the machine, because both agents report the same verdict.
func judge(machine string, err error) verdict {
	switch {
	case err == nil:
		return fine
	case errors.Is(err, netmode.ErrUnsupported), errors.Is(err, engine.ErrUnsupported), errors.Is(err, leak.ErrUnsupported):
		return verdict{proto.StatusUnsupported, machine + ": " + err.Error()}
	default:
		return verdict{proto.StatusFailed, machine + ": " + err.Error()}
	}
}

func (v verdict) ok() bool { return v.Status == proto.StatusOK }

// both merges the verdicts of client and server, in that order, so that the two
// agents come to the same one: unsupported outweighs failed.
func both(client, server verdict) verdict {
	for _, status := range []string{proto.StatusUnsupported, proto.StatusFailed} {
		for _, v := range []verdict{client, server} {
			if v.Status == status {
				return v
			}
		}
	}
	return fine
}

// skipList remembers what need not be tried again: what a kernel lacks, by mode
// and engine, because a tool that is not there says nothing of the mode. Both
// agents are given the same verdicts, so theirs are the same. A failure is tried
// again: the conductor says when it has seen enough.
type skipList map[[2]string]verdict

func (s skipList) add(block proto.Block, v verdict) {
	if v.Status == proto.StatusUnsupported {
		s[[2]string{block.Mode, block.Engine}] = v
	}
}

// verdict is the one that a block has without being tried, if any.
func (s skipList) verdict(block proto.Block) (verdict, bool) {
	v, known := s[[2]string{block.Mode, block.Engine}]
	return v, known
}
