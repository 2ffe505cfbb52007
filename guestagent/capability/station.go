package capability

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/netmode"
)

// Station is where the other machine answers.
type Station struct {
	Address netip.Addr `json:"address"`
	Port    uint16     `json:"port"`  // Echoes.
	Other   uint16     `json:"other"` // Echoes too; nothing is said about it to anyone.
	// LinkLocal is the same place's IPv6 address, and Six the port that echoes there;
	// none without IPv6.
	LinkLocal netip.Addr `json:"link_local,omitzero"`
	Six       uint16     `json:"six,omitempty"`
}

// Order is what the other machine is to do.
type Order struct {
	// Saw asks whether a question with that token came.
	Saw string `json:"saw,omitempty"`
	// Call has it ask at an address.
	Call netip.AddrPort `json:"call,omitzero"`
	// Nothing is expected: of a token that was waited for, or a call where nobody
	// listens. So the time that is there is for what may come.
	Nothing bool `json:"nothing,omitempty"`
	// Forget names a neighbour to forget: with the MAC of an earlier mode's container,
	// which had the same address, one would be reached that answers nobody.
	Forget netip.Addr `json:"forget,omitzero"`
}

// Seen is what it saw.
type Seen struct {
	Asked bool           `json:"asked"` // The question came to an endpoint,
	From  netip.AddrPort `json:"from,omitzero"`
	// On the wire a frame had it, from that MAC, though perhaps for nobody here.
	Frame bool   `json:"frame"`
	MAC   string `json:"mac,omitempty"`
	// Answered is what became of a call, in words.
	Answered bool   `json:"answered"`
	Said     string `json:"said,omitempty"`
	// Failed is why it could not be done.
	Failed string `json:"failed,omitempty"`
}

// Host is the other machine's part: two endpoints and a look at the wire.
type Host struct {
	Station
	mode       *netmode.Mode
	one, other *endpoint
	six        *endpoint // nil without IPv6.
	wire       *wire
	member     int // A socket that has joined the group, so that the NIC lets it in; -1 without.
}

// NewHost opens them where a mode has its socket, and looks at the NIC.
func NewHost(ctx context.Context, mode *netmode.Mode, nic string) (h *Host, err error) {
	h = &Host{mode: mode, member: -1}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if h.one, err = listen(mode.Inside, mode.Local); err != nil {
		return h, err
	}
	if h.other, err = listen(mode.Inside, mode.Local); err != nil {
		return h, err
	}
	if h.wire, err = tap(mode.Outside, nic); err != nil {
		return h, err
	}
	if h.member, err = join(mode); err != nil {
		return h, err
	}
	h.Station = Station{Address: mode.Published, Port: h.one.address.Port(), Other: h.other.address.Port()}
	return h, h.listenSix(ctx, mode)
}

// listenSix opens the IPv6 endpoint. A machine without IPv6 has none.
func (h *Host) listenSix(ctx context.Context, mode *netmode.Mode) error {
	own, err := mode.LinkLocal(ctx)
	if errors.Is(err, netmode.ErrNoIPv6) {
		return nil
	}
	if err != nil {
		return err
	}
	if h.six, err = listen(mode.Inside, own); err != nil {
		return err
	}
	h.LinkLocal, h.Six = own, h.six.address.Port()
	return nil
}

// Close ends the part.
func (h *Host) Close() {
	for _, one := range []*endpoint{h.one, h.other, h.six} {
		if one != nil {
			one.close()
		}
	}
	if h.wire != nil {
		h.wire.close()
	}
	if h.member >= 0 {
		unix.Close(h.member)
	}
}

// join makes the interface of the mode's socket a member of the group.
func join(mode *netmode.Mode) (fd int, err error) {
	fd = -1
	err = mode.Inside(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.SetsockoptIPMreq(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreq{Multiaddr: group.As4(), Interface: mode.Local.As4()})
	})
	if err != nil {
		return fd, fmt.Errorf("join group %s: %w", group, err)
	}
	return fd, nil
}

// Obey does what is asked.
func (h *Host) Obey(ctx context.Context, order Order) (seen Seen) {
	switch {
	case order.Saw != "":
		for _, one := range []*endpoint{h.one, h.other} {
			if from, is := one.wasAsked(order.Saw); is {
				seen.Asked, seen.From = true, from
			}
		}
		wait := patience
		if order.Nothing {
			wait = 0
		}
		mac, is := h.wire.saw(order.Saw, wait)
		seen.Frame, seen.MAC = is, mac.String()
	case order.Call.IsValid():
		ask := h.one.ask
		if order.Nothing {
			ask = h.one.askNobody
		}
		x := ask(ctx, order.Call)
		seen.Answered, seen.Said = x.answered(), x.said()
	case order.Forget.IsValid():
		if err := h.mode.ForgetNeighbour(order.Forget); err != nil {
			seen.Failed = err.Error()
		}
	}
	return seen
}
