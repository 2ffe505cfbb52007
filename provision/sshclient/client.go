// Package sshclient runs commands on a machine over SSH and puts files there.
// It verifies the one host key that it is given and offers one key; it reads no
// configuration, no known_hosts and no agent. Every call ends with its context.
package sshclient

import (
	"context"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// Options say where a machine is and how to know it.
type Options struct {
	Name    string // The machine's, for errors.
	Address string // "127.0.0.1:2222".
	User    string // Optional: root.
	Key     ssh.Signer
	HostKey ssh.PublicKey // The only one that is accepted.
	// Dial leads to the address. Optional: it is one of this computer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client is a connection to one machine. Several commands may run at once.
type Client struct {
	name string
	ssh  *ssh.Client
}

// aliveInterval is how often an idle connection is asked whether it is there.
// A guest that stops answers nothing, and TCP alone notices after hours.
const (
	aliveInterval = 15 * time.Second
	aliveTimeout  = 60 * time.Second
)

// Dial connects once; the context bounds the whole handshake.
func Dial(ctx context.Context, o Options) (*Client, error) {
	user := o.User
	if user == "" {
		user = "root"
	}
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(ctx, "tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("connect to %q at %s: %w", o.Name, o.Address, err)
	}
	// x/crypto/ssh takes no context: closing the connection ends its handshake.
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	conn, channels, requests, err := ssh.NewClientConn(raw, o.Address, &ssh.ClientConfig{
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(o.Key)},
		HostKeyCallback:   ssh.FixedHostKey(o.HostKey),
		HostKeyAlgorithms: []string{o.HostKey.Type()},
	})
	if !stop() && err == nil {
		conn.Close()
		err = ctx.Err()
	}
	if err != nil {
		raw.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("open SSH to %q at %s: %w", o.Name, o.Address, err)
	}
	return &Client{name: o.Name, ssh: ssh.NewClient(conn, channels, requests)}, nil
}

// DialReady connects to a machine that is about to answer. It tries until the
// context ends: a port forwarding accepts before anything listens behind it.
func DialReady(ctx context.Context, o Options) (*Client, error) {
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		c, err := Dial(once, o)
		cancel()
		if err == nil {
			return c, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for SSH: %w (last: %w)", ctx.Err(), err)
		}
	}
}

// Name is the machine's.
func (c *Client) Name() string { return c.name }

// Close ends the connection and with it every command on it.
func (c *Client) Close() error { return c.ssh.Close() }

// watch closes the connection when the machine has stopped answering.
func (c *Client) watch(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(aliveInterval):
		}
		answered := make(chan struct{})
		go func() {
			c.ssh.SendRequest("keepalive@openssh.com", true, nil)
			close(answered)
		}()
		select {
		case <-done:
			return
		case <-answered:
		case <-time.After(aliveTimeout):
			c.ssh.Close()
			return
		}
	}
}
