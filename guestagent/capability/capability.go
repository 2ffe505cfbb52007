// Package capability finds out what works in a mode that is built: whether the
// machine's NAT, filter and connection tracking see the container's packets, whom
// it reaches, and what it needs of the segment. Each probe sends packets and looks
// for them; none goes by what a mode is called. Beside its answer stands what
// decided it, and a control: the same look where the answer was known to be no. A
// control that does not say no leaves the question open.
//
// The container is at the client. The server's agent is the other machine: it
// answers, and does what the client's asks of it.
package capability

import (
	"context"
	"fmt"
	"time"

	"github.com/testbed-lab/testbed/guestagent/netmode"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// patience is how long an answer may take that will come: a neighbour has to be
// resolved, and under emulation all of it takes milliseconds. What has not come by
// then is taken for lost, after a second try.
const (
	patience = 200 * time.Millisecond
	tries    = 2
)

// budget is how long probes are begun: the last, which takes the link down and up,
// waits for 2.6 seconds at most, and all of a mode's together for ten.
const budget = 7 * time.Second

// Site is where the probes are made.
type Site struct {
	Mode *netmode.Mode
	Spec netmode.Spec
	// Peer is where the other machine answers.
	Peer Station
	// Ask has the other machine do something, and tells what it saw.
	Ask func(ctx context.Context, order Order) (Seen, error)
}

// finding is an answer with what decided it.
type finding struct {
	answer      string
	observation string
	control     string
}

func works(format string, args ...any) finding {
	return finding{answer: "works", observation: fmt.Sprintf(format, args...)}
}

func fails(format string, args ...any) finding {
	return finding{answer: "fails", observation: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) finding {
	return finding{answer: proto.StatusUnsupported, observation: fmt.Sprintf(format, args...)}
}

// decide is works or fails.
func decide(is bool, format string, args ...any) finding {
	if is {
		return works(format, args...)
	}
	return fails(format, args...)
}

func (f finding) with(control string, args ...any) finding {
	f.control = fmt.Sprintf(control, args...)
	return f
}

// probe is one question. Its error says that it could not be put.
type probe struct {
	name string
	put  func(*visit, context.Context) (finding, error)
}

// probes in the order in which they are made; the one that takes the NIC down is
// last, for it may break what others need.
var probes = []probe{
	{"ipv4", (*visit).ipv4},
	{"ipv6", (*visit).ipv6},
	{"service_request", (*visit).serviceRequest},
	{"service_reply", (*visit).serviceReply},
	{"conntrack", (*visit).conntrack},
	{"filter", (*visit).filter},
	{"host_to_container", (*visit).hostToContainer},
	{"container_to_host", (*visit).containerToHost},
	{"sibling", (*visit).sibling},
	{"inbound", (*visit).inbound},
	{"own_mac", (*visit).ownMAC},
	{"port_security", (*visit).portSecurity},
	{"arp", (*visit).arp},
	{"broadcast", (*visit).broadcast},
	{"multicast", (*visit).multicast},
	{"link_flap", (*visit).linkFlap},
}

// Names are what is probed, in the order of the answers.
func Names() (names []string) {
	for _, one := range probes {
		names = append(names, one.name)
	}
	return names
}

// Run makes all probes. A probe that could not be made is unsupported, by its
// reason; the error says that the mode itself could not be used.
func Run(ctx context.Context, site Site) ([]proto.Capability, error) {
	v := &visit{Site: site}
	defer v.close()
	if err := v.open(); err != nil {
		return nil, err
	}
	var all []proto.Capability
	began := time.Now()
	for _, one := range probes {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		found, err := one.within(ctx, v, budget-time.Since(began))
		if err != nil {
			found = unsupported("%v", err)
		}
		all = append(all, proto.Capability{Name: one.name, Answer: found.answer, Observation: found.observation, Control: found.control})
	}
	return all, nil
}

// within puts the question while there is time left. Once begun it is not cut short,
// for the other machine's answer would then be taken for that to the next one.
func (p probe) within(ctx context.Context, v *visit, left time.Duration) (finding, error) {
	if left <= 0 {
		return unsupported("the probes before it took %v", budget), nil
	}
	return p.put(v, ctx)
}

// visit is the probes of one mode: their sockets.
type visit struct {
	Site
	inside, outside *endpoint // The container's, and its machine's.
	// caller is in the container too. It alone calls the service: a connection that
	// was translated has the ports of one that was not.
	caller  *endpoint
	service *exchange // Of the two probes of a service; made once.
}

func (v *visit) open() (err error) {
	if v.inside, err = listen(v.Mode.Inside, v.Mode.Local); err != nil {
		return err
	}
	if v.caller, err = listen(v.Mode.Inside, v.Mode.Local); err != nil {
		return err
	}
	v.outside, err = listen(v.Mode.Outside, v.Spec.Self.Address.Addr())
	return err
}

func (v *visit) close() {
	for _, one := range []*endpoint{v.inside, v.outside, v.caller} {
		if one != nil {
			one.close()
		}
	}
}
