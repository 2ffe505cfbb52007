package guestagent

import (
	"context"
	"errors"

	"github.com/testbed-lab/testbed/guestagent/capability"
	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// probed is a mode as its capabilities are probed: with the container at the
// client, because what a mode breaks does not depend on the end, and with a
// virtual service address, which is one of the questions.
func probed(mode proto.Mode) proto.Mode {
	mode.At, mode.Delay = "client", 0
	if mode.Kind != netmode.KindLoopback {
		mode.Service = netmode.ProxyNFT
	}
	return mode
}

// openStation is the server's part: the other machine.
func (j *job) openStation(ctx context.Context) (err error) {
	j.station, err = capability.NewHost(ctx, j.mode, j.spec.Self.Device)
	return err
}

// probe is the client's part. A machine without a container has nothing to probe.
func (j *job) probe(ctx context.Context, server notice) (err error) {
	if !j.spec.Contained(proto.Client) {
		return nil
	}
	if server.Station == nil {
		return errors.New("the other agent is not prepared for probes")
	}
	j.result.Capabilities, err = capability.Run(ctx, capability.Site{
		Mode: j.mode, Spec: j.spec, Peer: *server.Station, Ask: j.ask,
	})
	return err
}

func (j *job) ask(ctx context.Context, order capability.Order) (capability.Seen, error) {
	if err := j.agree.say(ctx, notice{Block: j.block.Index, Phase: asks, Order: &order}); err != nil {
		return capability.Seen{}, err
	}
	told, err := j.agree.hear(ctx, j.block.Index, peerTimeout, tells)
	if err != nil {
		return capability.Seen{}, err
	}
	if told.Seen == nil {
		return capability.Seen{}, errors.New("the other agent told nothing")
	}
	return *told.Seen, nil
}

// hearFinished waits until the client is finished, and does what it asks for
// meanwhile.
func (j *job) hearFinished(ctx context.Context) (notice, error) {
	for {
		heard, err := j.agree.hear(ctx, j.block.Index, j.length()+peerTimeout, finished, asks)
		if err != nil || heard.Phase == finished {
			return heard, err
		}
		seen := capability.Seen{}
		if j.station != nil && heard.Order != nil {
			seen = j.station.Obey(ctx, *heard.Order)
		}
		if err := j.agree.say(ctx, notice{Block: j.block.Index, Phase: tells, Seen: &seen}); err != nil {
			return notice{}, err
		}
	}
}
