package guestagent

import (
	"errors"

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
	case errors.Is(err, netmode.ErrUnsupported):
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

// patience is how many failures in a row a mode has in a test. After them its
// other blocks fail at once, with the last reason.
const patience = 3

// skipList remembers what need not be tried again. Both agents are given the
// same verdicts, so theirs are the same.
type skipList struct {
	unsupported map[string]verdict // By mode.
	failures    map[[2]string]int  // By test and mode, in a row.
	last        map[[2]string]verdict
}

func newSkipList() skipList {
	return skipList{map[string]verdict{}, map[[2]string]int{}, map[[2]string]verdict{}}
}

func (s *skipList) add(block proto.Block, v verdict) {
	key := [2]string{block.Test, block.Mode}
	switch v.Status {
	case proto.StatusUnsupported:
		s.unsupported[block.Mode] = v
	case proto.StatusFailed:
		s.failures[key]++
		s.last[key] = v
	default:
		s.failures[key] = 0
	}
}

// verdict is the one that a block has without being tried, if any.
func (s *skipList) verdict(block proto.Block) (verdict, bool) {
	if v, known := s.unsupported[block.Mode]; known {
		return v, true
	}
	key := [2]string{block.Test, block.Mode}
	if s.failures[key] < patience {
		return verdict{}, false
	}
	v := s.last[key]
	v.Reason += " (not tried again after three failures in a row)"
	return v, true
}
