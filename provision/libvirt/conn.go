package libvirt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"
)

// callTimeout bounds one call whose context allows more. Libvirt's own calls
// take milliseconds; starting a domain takes a second or two on a busy machine.
const callTimeout = 60 * time.Second

// streamTimeout bounds an upload: 70 MB take a third of a second, or some
// seconds on a busy machine.
const streamTimeout = 10 * time.Minute

// dialer makes connections to one daemon. No call of go-libvirt takes a context
// and a silent daemon hangs it, so each call owns a connection, and at its
// deadline the connection is closed under it. Idle ones are used again.
type dialer struct {
	endpoint endpoint

	mu     sync.Mutex
	idle   []*connection
	closed bool
}

type connection struct {
	*golibvirt.Libvirt
	raw net.Conn
}

// presetDialer hands go-libvirt the connection that we keep, to close it.
type presetDialer struct{ conn net.Conn }

func (d presetDialer) Dial() (net.Conn, error) { return d.conn, nil }

// call runs fn on a connection of its own. what names the step for the error.
func (d *dialer) call(ctx context.Context, what string, fn func(*golibvirt.Libvirt) error) error {
	return d.within(ctx, callTimeout, what, fn)
}

// stream is call for what carries files.
func (d *dialer) stream(ctx context.Context, what string, fn func(*golibvirt.Libvirt) error) error {
	return d.within(ctx, streamTimeout, what, fn)
}

func (d *dialer) within(ctx context.Context, limit time.Duration, what string, fn func(*golibvirt.Libvirt) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := d.take(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	broken, err := c.interruptible(ctx, func() error { return fn(c.Libvirt) })
	if broken || connectionLost(err) {
		c.raw.Close()
	} else {
		d.put(c)
	}
	if broken {
		return fmt.Errorf("%s: %w", what, d.silence(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, d.endpoint.cut(err))
	}
	return nil
}

// interruptible ends fn by closing the connection when the context ends; fn
// then returns ErrInterrupted. It does not wait for longer than a moment, as
// go-libvirt may hold a lock that is never given back.
func (c *connection) interruptible(ctx context.Context, fn func() error) (broken bool, err error) {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return false, err
	case <-ctx.Done():
		c.raw.Close()
		select {
		case <-done:
		case <-time.After(time.Second):
		}
		return true, ctx.Err()
	}
}

// silence is the error of a call that got no answer.
func (d *dialer) silence(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	return fmt.Errorf("libvirt at %s did not answer in time: %w; look at its log, or restart it%s: %s",
		d.endpoint.address(), context.DeadlineExceeded, d.endpoint.there(), d.endpoint.restart())
}

func (d *dialer) take(ctx context.Context) (*connection, error) {
	d.mu.Lock()
	if n := len(d.idle); n > 0 {
		c := d.idle[n-1]
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		if c.IsConnected() {
			return c, nil
		}
		c.raw.Close()
		return d.take(ctx)
	}
	d.mu.Unlock()
	return d.dial(ctx)
}

func (d *dialer) put(c *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		c.raw.Close()
		return
	}
	d.idle = append(d.idle, c)
}

// dial tries the sockets in order. A socket that nobody listens on is passed
// over; a daemon that listens and fails is the error.
func (d *dialer) dial(ctx context.Context) (*connection, error) {
	var first error
	for _, path := range d.endpoint.sockets {
		raw, err := d.endpoint.site.Dial(ctx, "unix", path)
		if err != nil {
			if first == nil || !notThere(err) {
				first = err
			}
			continue
		}
		return d.open(ctx, raw)
	}
	return nil, &unreachableError{endpoint: d.endpoint, err: first}
}

func (d *dialer) open(ctx context.Context, raw net.Conn) (*connection, error) {
	c := &connection{Libvirt: golibvirt.NewWithDialer(presetDialer{raw}), raw: raw}
	broken, err := c.interruptible(ctx, func() error {
		return c.ConnectToURI(golibvirt.ConnectURI(d.endpoint.uri))
	})
	if broken {
		return nil, d.silence(ctx)
	}
	if err != nil {
		raw.Close()
		if d.endpoint.far() && connectionLost(err) && d.endpoint.site.Lost(0) == nil {
			// ssh connects for us before anybody there does.
			return nil, fmt.Errorf("open %s: %w; nobody listens on its socket any more, or the SSH server leads to none (AllowStreamLocalForwarding): start it%s: %s", d.endpoint.name, err, d.endpoint.there(), d.endpoint.start())
		}
		return nil, fmt.Errorf("open %s: %w", d.endpoint.name, err)
	}
	return c, nil
}

// Close ends the idle connections. It sends no goodbye: Disconnect is a call
// that can hang, and the daemon cleans up after a closed socket all the same.
func (d *dialer) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, c := range d.idle {
		c.raw.Close()
	}
	d.idle = nil
	if d.endpoint.site != nil {
		_ = d.endpoint.site.Close()
	}
}
