package capability

import (
	"context"
	"errors"
	"net/netip"
)

// callService asks at the virtual address, which the machine translates to the
// other's. Both probes of a service look at the same exchange.
func (v *visit) callService(ctx context.Context) (exchange, error) {
	if v.service != nil {
		return *v.service, nil
	}
	at, err := v.Mode.Target(ctx, v.peer(), 0)
	if err != nil {
		return exchange{}, err
	}
	x := v.caller.ask(ctx, at)
	v.service = &x
	return x, nil
}

func (v *visit) serviceRequest(ctx context.Context) (finding, error) {
	x, err := v.callService(ctx)
	if err != nil {
		return finding{}, err
	}
	seen, err := v.Ask(ctx, Order{Saw: x.token})
	if err != nil {
		return finding{}, err
	}
	untold := v.caller.askNobody(ctx, netip.AddrPortFrom(v.Spec.Service, v.Peer.Other))
	// Looked for at the other machine, because an answer may be lost on its way back.
	control, err := v.Ask(ctx, Order{Saw: untold.token, Nothing: true})
	if err != nil {
		return finding{}, err
	}
	return serviceFinding(v, x, seen, untold, control), nil
}

func serviceFinding(v *visit, x exchange, seen Seen, untold exchange, untoldSeen Seen) finding {
	control := "a port of the address that no rule translates: " + untold.said()
	if untoldSeen.Asked {
		return unsupported("a request reached %s without a rule too, so its arrival says nothing", v.Peer.Address).with("%s", control)
	}
	if seen.Asked {
		return works("a request to %s reached %s, from %s", v.Spec.Service, v.peer(), seen.From).with("%s", control)
	}
	return fails("a request to %s did not reach %s; %s", v.Spec.Service, v.peer(), x.said()).with("%s", control)
}

// serviceReply: the answer comes from the address that was called, or no program
// takes it for one.
func (v *visit) serviceReply(ctx context.Context) (finding, error) {
	x, err := v.callService(ctx)
	if err != nil {
		return finding{}, err
	}
	direct := v.inside.ask(ctx, v.peer())
	control := "called directly: " + direct.said()
	if x.back == nil {
		return fails("no reply from %s", v.Spec.Service).with("%s", control), nil
	}
	return decide(x.back.from.Addr() == v.Spec.Service, "the reply came from %s, and %s was called", x.back.from.Addr(), v.Spec.Service).
		with("%s", control), nil
}

// conntrack: the machine knows the container's connection as it knows its own.
func (v *visit) conntrack(ctx context.Context) (finding, error) {
	x, own := v.inside.ask(ctx, v.peer()), v.outside.ask(ctx, v.peer())
	if !x.answered() || !own.answered() {
		return unsupported("there is no connection to look for: the container's %s; the machine's %s", x.said(), own.said()), nil
	}
	tracked, err := v.Mode.Tracks(x.port, v.peer())
	if err != nil {
		return finding{}, err
	}
	control, err := v.Mode.Tracks(own.port, v.peer())
	if err != nil {
		return finding{}, err
	}
	// The caller speaks to the service only, so nothing went from its port to there.
	none, err := v.Mode.Tracks(v.caller.address.Port(), v.peer())
	if err != nil {
		return finding{}, err
	}
	switch {
	case !control:
		return unsupported("the machine does not track its own connection either"), nil
	case none:
		return unsupported("the machine's table has a connection that nobody made"), nil
	}
	return decide(tracked, "the machine's table has the container's connection from port %d: %t", x.port, tracked).
		with("it has the machine's own, from port %d, and none from port %d, which called nobody there", own.port, v.caller.address.Port()), nil
}

// filter: a rule of the machine keeps the container from a port.
func (v *visit) filter(ctx context.Context) (found finding, err error) {
	to := netip.AddrPortFrom(v.Peer.Address, v.Peer.Other)
	before := v.inside.ask(ctx, to)
	if !before.answered() {
		return unsupported("without a rule: %s", before.said()), nil
	}
	dropped, undo, err := v.Mode.Drop(v.Peer.Other)
	if err != nil {
		return finding{}, err
	}
	defer func() { err = errors.Join(err, undo()) }()
	after := v.inside.ask(ctx, to)
	packets, err := dropped()
	if err != nil {
		return finding{}, err
	}
	if !after.answered() && packets == 0 {
		return unsupported("with a rule that drops port %d: %s, but the rule counted no packet", v.Peer.Other, after.said()).
			with("without the rule: %s", before.said()), nil
	}
	return decide(!after.answered(), "with a rule that drops port %d: %s; the rule counted %d packets", v.Peer.Other, after.said(), packets).
		with("without the rule: %s", before.said()), nil
}
