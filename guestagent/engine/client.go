package engine

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// grace is how much longer than its measurement the client's tool may take: to
// start, to agree with its server, and to print, on a slow, emulated machine.
const grace = 20 * time.Second

// Target is where the server's tool is reached.
type Target struct {
	Address netip.AddrPort
	Control uint16 // Port of the control connection, if the engine has one.
}

// Run measures, from the given address of this end, and reads the figures.
func Run(ctx context.Context, c Config, local netip.Addr, server Target) (Result, error) {
	if err := c.Prepare(proto.Client); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Length()+grace,
		fmt.Errorf("wait until %s has measured: it is not done after %v", c.Engine, c.Length()+grace))
	defer cancel()
	var arguments []string
	var parse func(string) (Result, error)
	if c.Engine == Netperf {
		arguments, parse = c.netperf(local, server), parseNetperf
	} else {
		arguments, parse = c.sockperf(local, server), parseSockperf
	}
	started := time.Now().UTC()
	p, err := c.start(ctx, c.Engine, arguments...)
	if err != nil {
		return Result{}, err
	}
	<-p.ended // The context's end kills it.
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("%w; %s", context.Cause(ctx), p.output.last())
	}
	if p.err != nil {
		return Result{}, p.failure("failed")
	}
	result, err := parse(p.output.String())
	if err != nil {
		return Result{}, err
	}
	result.Started = started
	result.Figures.Command = c.Engine + " " + strings.Join(arguments, " ")
	if c.Engine == Netperf {
		result.Figures.Version, err = c.netperfVersion(ctx)
	}
	return result, err
}
