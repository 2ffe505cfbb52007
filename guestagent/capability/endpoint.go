package capability

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// endpoint is a UDP socket somewhere that answers every question with "you are
// ADDRESS" and remembers what it was asked.
type endpoint struct {
	conn    *net.UDPConn
	address netip.AddrPort

	mu      sync.Mutex
	asked   map[string]netip.AddrPort // By token, from where.
	answers map[string]answer
	// arrived is closed by the next answer, and replaced. Nobody looks every other
	// moment: where a guest's instructions are counted, runs begin to differ with how
	// often it falls asleep and is woken.
	arrived chan struct{}
}

// answer is what came back: from where, and who we are there.
type answer struct {
	from netip.AddrPort
	us   string
}

// exchange is a question and what became of it.
type exchange struct {
	token  string
	port   uint16 // That the question came from.
	err    error  // Of sending.
	waited time.Duration
	back   *answer
}

func (x exchange) answered() bool { return x.back != nil }

// said is what became of it, in words.
func (x exchange) said() string {
	switch {
	case x.err != nil:
		return "it could not be sent: " + reason(x.err)
	case x.back == nil:
		return fmt.Sprintf("no answer within %v", x.waited)
	}
	return fmt.Sprintf("answered by %s, which saw %s", bare(x.back.from), x.back.us)
}

// bare is an address without the zone, which says something to its own machine only.
func bare(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().WithZone(""), a.Port())
}

// reason is the kernel's word for an error.
func reason(err error) string {
	if sys := new(os.SyscallError); errors.As(err, &sys) {
		return sys.Err.Error()
	}
	return err.Error()
}

// listen opens an endpoint on an address of a namespace. The zone of a link-local
// address is the interface's index.
func listen(in func(func() error) error, address netip.Addr) (*endpoint, error) {
	e := &endpoint{asked: map[string]netip.AddrPort{}, answers: map[string]answer{}, arrived: make(chan struct{})}
	err := in(func() (err error) {
		e.conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, 0)))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	e.address = netip.AddrPortFrom(address, e.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	go e.serve()
	return e, nil
}

func (e *endpoint) close() { e.conn.Close() }

// Questions are "ask TOKEN", answers "TOKEN you are ADDRESS".
const askWord, answerWord = "ask ", " you are "

func (e *endpoint) serve() {
	buffer := make([]byte, 2048)
	for {
		n, from, err := e.conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // Such as an ICMP error of a packet that was sent before.
			continue
		}
		// The zone is the endpoint's: package net names it after an interface of any namespace.
		from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(e.address.Addr().Zone()), from.Port())
		text := string(buffer[:n])
		if token, is := strings.CutPrefix(text, askWord); is {
			e.mu.Lock()
			e.asked[token] = from
			e.mu.Unlock()
			_, _ = e.conn.WriteToUDPAddrPort([]byte(token+answerWord+bare(from).String()), from)
		} else if token, us, is := strings.Cut(text, answerWord); is {
			e.mu.Lock()
			e.answers[token] = answer{from: from, us: us}
			close(e.arrived)
			e.arrived = make(chan struct{})
			e.mu.Unlock()
		}
	}
}

func newToken() string { return rand.Text()[:12] }

// ask sends a question and waits for its answer, from anywhere.
func (e *endpoint) ask(ctx context.Context, to netip.AddrPort) exchange {
	return e.askTimes(ctx, to, tries)
}

// askNobody asks once where no answer is expected.
func (e *endpoint) askNobody(ctx context.Context, to netip.AddrPort) exchange {
	return e.askTimes(ctx, to, 1)
}

func (e *endpoint) askTimes(ctx context.Context, to netip.AddrPort, times int) exchange {
	x := exchange{token: newToken(), port: e.address.Port(), waited: time.Duration(times) * patience}
	for range times {
		if _, x.err = e.conn.WriteToUDPAddrPort([]byte(askWord+x.token), to); x.err != nil {
			return x
		}
		if x.back = e.await(ctx, x.token, patience); x.back != nil {
			return x
		}
	}
	return x
}

// send asks once, and does not wait.
func (e *endpoint) send(to netip.AddrPort) exchange {
	x := exchange{token: newToken(), port: e.address.Port(), waited: patience}
	_, x.err = e.conn.WriteToUDPAddrPort([]byte(askWord+x.token), to)
	return x
}

func (e *endpoint) await(ctx context.Context, token string, wait time.Duration) *answer {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		e.mu.Lock()
		found, is := e.answers[token]
		arrived := e.arrived
		e.mu.Unlock()
		if is {
			return &found
		}
		select {
		case <-ctx.Done():
			return nil
		case <-arrived:
		}
	}
}

// wasAsked says whether a question came, and from where.
func (e *endpoint) wasAsked(token string) (netip.AddrPort, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	from, is := e.asked[token]
	return from, is
}
