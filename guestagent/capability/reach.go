package capability

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/testbed-lab/testbed/guestagent/netmode"
)

// closed is a port where nobody answers (discard, RFC 863): the control of
// whatever is answered.
const closed = 9

// heard asks from an endpoint, and asks where nobody listens as well.
func (v *visit) heard(ctx context.Context, from *endpoint, to netip.AddrPort) finding {
	// Asked first, and waited for last: the one wait is in the other's.
	silent, began := from.send(netip.AddrPortFrom(to.Addr(), closed)), time.Now()
	x := from.ask(ctx, to)
	silent.back = from.await(ctx, silent.token, patience-time.Since(began))
	if silent.answered() {
		return unsupported("%s answers on every port, so an answer says nothing", to.Addr()).with("port %d: %s", closed, silent.said())
	}
	return decide(x.answered(), "%s → %s: %s", bare(from.address), bare(to), x.said()).with("port %d of the same address: not answered", closed)
}

func (v *visit) peer() netip.AddrPort { return netip.AddrPortFrom(v.Peer.Address, v.Peer.Port) }

func (v *visit) ipv4(ctx context.Context) (finding, error) {
	return v.heard(ctx, v.inside, v.peer()), nil
}

// ipv6: the container and the other machine reach each other by link-local
// addresses, which is IPv6 with nothing configured.
func (v *visit) ipv6(ctx context.Context) (finding, error) {
	if !v.Peer.LinkLocal.IsValid() {
		return unsupported("the other machine has no IPv6 address there"), nil
	}
	own, err := v.Mode.LinkLocal(ctx)
	if err != nil {
		return finding{}, err
	}
	from, err := listen(v.Mode.Inside, own)
	if err != nil {
		return finding{}, err
	}
	defer from.close()
	forgot, err := v.Ask(ctx, Order{Forget: own.WithZone("")})
	if err != nil {
		return finding{}, err
	}
	if forgot.Failed != "" {
		return finding{}, errors.New("at the other machine: " + forgot.Failed)
	}
	return v.heard(ctx, from, netip.AddrPortFrom(v.Peer.LinkLocal.WithZone(own.Zone()), v.Peer.Six)), nil
}

func (v *visit) hostToContainer(ctx context.Context) (finding, error) {
	return v.heard(ctx, v.outside, v.inside.address), nil
}

func (v *visit) containerToHost(ctx context.Context) (finding, error) {
	return v.heard(ctx, v.inside, v.outside.address), nil
}

// inbound: the other machine calls the container at its own address.
func (v *visit) inbound(ctx context.Context) (finding, error) {
	seen, err := v.Ask(ctx, Order{Call: v.inside.address})
	if err != nil {
		return finding{}, err
	}
	silent, err := v.Ask(ctx, Order{Call: netip.AddrPortFrom(v.inside.address.Addr(), closed), Nothing: true})
	if err != nil {
		return finding{}, err
	}
	if silent.Answered {
		return unsupported("%s answers on every port, so an answer says nothing", v.inside.address.Addr()).with("port %d: %s", closed, silent.Said), nil
	}
	return decide(seen.Answered, "%s → %s: %s", v.Peer.Address, v.inside.address, seen.Said).
		with("port %d of the same address: %s", closed, silent.Said), nil
}

func (v *visit) sibling(ctx context.Context) (finding, error) {
	other, err := v.Mode.Sibling(ctx)
	if errors.Is(err, netmode.ErrNoSibling) {
		return finding{}, err
	}
	if err != nil {
		return fails("a second container cannot be made: %v", err).with("the first was made by the same steps"), nil
	}
	e, err := listen(other.Inside, other.Local)
	if err != nil {
		return finding{}, errors.Join(err, other.Remove())
	}
	found := v.heard(ctx, v.inside, e.address)
	e.close()
	return found, other.Remove()
}

// linkFlap takes the NIC down and up, and asks again for a while. That it is not
// answered while the NIC is down shows that the way leads over it at all.
func (v *visit) linkFlap(ctx context.Context) (finding, error) {
	if v.Spec.Self.Attach {
		return unsupported("the machine was not made for this lab, and its NIC is not taken down"), nil
	}
	before := v.inside.ask(ctx, v.peer())
	if !before.answered() {
		return unsupported("it was not answered before either: %s", before.said()), nil
	}
	var down exchange
	restore, err := v.Mode.Bounce(func() { down = v.inside.askNobody(ctx, v.peer()) })
	if err != nil {
		if restore != nil {
			err = errors.Join(err, restore())
		}
		return finding{}, err
	}
	var after exchange
	for range 5 {
		if after = v.inside.ask(ctx, v.peer()); after.answered() {
			break
		}
	}
	found := decide(after.answered(), "after %s went down and up: %s", v.Spec.Self.Device, after.said())
	if down.answered() {
		found = unsupported("it was answered while %s was down", v.Spec.Self.Device)
	}
	return found.with("while it was down: %s", down.said()), restore()
}
