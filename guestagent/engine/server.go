package engine

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/thread"
)

const (
	// listenTimeout is how long a server's tool may take to listen.
	listenTimeout = 10 * time.Second
	// listenInterval is how often that is looked at.
	listenInterval = 2 * time.Millisecond
)

// Server is a tool that answers.
type Server struct {
	// Port of what is measured, and Control of the control connection, if any.
	Port, Control uint16

	process *process
}

// Listen starts the server's tool on an address and waits until it listens. A
// port of 0 is any; so is a control port of 0. The caller calls Stop in every
// case but an error's.
func Listen(ctx context.Context, c Config, local netip.Addr, data, control uint16) (*Server, error) {
	if err := c.Prepare(proto.Server); err != nil {
		return nil, err
	}
	if err := c.choose(local, &data, &control); err != nil {
		return nil, err
	}
	s := &Server{Port: data, Control: control}
	arguments, awaited, table := c.sockperfBoth("server", netip.AddrPortFrom(local, data)), data, "tcp"
	switch {
	case c.Engine == Netperf:
		// -D stays in the foreground; -f serves without forking, so that there
		// is one process, which ends with this one.
		arguments, awaited = []string{"-D", "-f", "-4", "-L", local.String(), "-p", port(control)}, control
	case c.udp():
		table = "udp"
	}
	var err error
	if s.process, err = c.start(ctx, c.program(proto.Server), arguments...); err != nil {
		return nil, err
	}
	if err := s.process.await(ctx, table, netip.AddrPortFrom(local, awaited)); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop ends the server. That it had ended by itself is an error.
func (s *Server) Stop() error { return s.process.stop() }

// await waits until the tool's own namespace has the socket.
func (p *process) await(ctx context.Context, table string, address netip.AddrPort) error {
	what := fmt.Sprintf("wait until %s listens on %s %s", p.name, table, address)
	ctx, cancel := context.WithTimeoutCause(ctx, listenTimeout, fmt.Errorf("%s: it does not after %v", what, listenTimeout))
	defer cancel()
	again := time.NewTicker(listenInterval)
	defer again.Stop()
	for {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", p.cmd.Process.Pid, table))
		if err == nil && listens(string(content), table, address) {
			return nil
		}
		select {
		case <-again.C:
		case <-p.ended:
			return fmt.Errorf("%s: it ended", what) // Stop says more.
		case <-ctx.Done():
			return fmt.Errorf("%w; %s", context.Cause(ctx), p.output.last())
		}
	}
}

// States of sockets in /proc/net: TCP_LISTEN, and TCP_CLOSE, which is that of an
// unconnected UDP socket.
var waiting = map[string]string{"tcp": "0A", "udp": "07"}

// listens looks for a socket in the kernel's table, where an address is the
// hexadecimal digits of the integer that it is in memory.
func listens(content, table string, address netip.AddrPort) bool {
	four := address.Addr().As4()
	binary.BigEndian.PutUint32(four[:], binary.NativeEndian.Uint32(four[:]))
	local := fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(four[:])), address.Port())
	for line := range strings.Lines(content) {
		fields := strings.Fields(line)
		if len(fields) > 3 && fields[1] == local && fields[3] == waiting[table] {
			return true
		}
	}
	return false
}

// choose finds free ports for those that are 0, in the tool's namespace. Both are
// held until both are known, so that they differ.
func (c *Config) choose(local netip.Addr, data, control *uint16) error {
	kind := unix.SOCK_STREAM
	if c.udp() {
		kind = unix.SOCK_DGRAM
	}
	return <-thread.Run(func() error {
		if c.Enter != nil {
			if err := c.Enter(); err != nil {
				return err
			}
		}
		for _, one := range []struct {
			port *uint16
			kind int
		}{{data, kind}, {control, unix.SOCK_STREAM}} {
			if *one.port != 0 {
				continue
			}
			socket, err := bind(one.kind, local, one.port)
			if err != nil {
				return fmt.Errorf("find a free port of %s: %w", local, err)
			}
			defer unix.Close(socket)
		}
		return nil
	})
}

func bind(kind int, local netip.Addr, port *uint16) (int, error) {
	socket, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	var name unix.Sockaddr
	if err = unix.Bind(socket, &unix.SockaddrInet4{Addr: local.As4()}); err == nil {
		name, err = unix.Getsockname(socket)
	}
	if err != nil {
		unix.Close(socket)
		return -1, err
	}
	*port = uint16(name.(*unix.SockaddrInet4).Port)
	return socket, nil
}
