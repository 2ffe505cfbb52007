// Package running finds a container that runs already, by the name that its
// engine knows it by, as `docker inspect` would: it asks the engine's API socket.
// It starts, stops and changes nothing.
//
// Invariant: a container that is returned ran when its engine was asked.
package running

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Container is one that runs.
type Container struct {
	PID int
	// Engine, ID and Image are empty where only a PID was given.
	Engine, ID, Image string
	// Published are the ports of the container that its engine publishes.
	Published []Port
}

// Port is one that an engine publishes on its machine.
type Port struct {
	Protocol        string // tcp or udp.
	Inside, Outside uint16
	On              netip.Addr // The machine's address; invalid where it is any.
}

// engine is where an engine listens, and how to make it.
type engine struct {
	sockets []string
	remedy  string
}

var engines = map[string]engine{
	"docker": {[]string{"/run/docker.sock", "/var/run/docker.sock"}, "start dockerd"},
	"podman": {[]string{"/run/podman/podman.sock"}, "start it with: podman system service --time=0 &"},
}

// Find finds a container by "docker://NAME", "podman://NAME" or "pid://N".
func Find(ctx context.Context, reference string) (Container, error) {
	scheme, name, _ := strings.Cut(reference, "://")
	if scheme == "pid" {
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 0 {
			return Container{}, fmt.Errorf("%q is no PID", name)
		}
		return Container{PID: pid}, nil
	}
	e, ok := engines[scheme]
	if !ok || name == "" {
		return Container{}, errors.New("it is docker://NAME, podman://NAME or pid://N")
	}
	return e.inspect(ctx, scheme, name)
}

// apiTimeout bounds the question: an engine answers from what it has in memory.
const apiTimeout = 10 * time.Second

// maxAnswer is many times what an engine says of a container.
const maxAnswer = 4 << 20

func (e engine) inspect(ctx context.Context, name, container string) (Container, error) {
	var socket string
	for _, one := range e.sockets {
		if _, err := os.Stat(one); err == nil {
			socket = one
			break
		}
	}
	if socket == "" {
		return Container{}, fmt.Errorf("%s's API is not at %s: %s", name, e.sockets[0], e.remedy)
	}
	return inspect(ctx, name, socket, container)
}

// inspect asks the Docker API, which Podman speaks too.
func inspect(ctx context.Context, engine, socket, container string) (Container, error) {
	status, body, err := get(ctx, socket, "/containers/"+url.PathEscape(container)+"/json")
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Container{}, fmt.Errorf("ask %s: %w: only root may", engine, err)
	case err != nil:
		return Container{}, fmt.Errorf("ask %s at %s: %w", engine, socket, err)
	case status == 404:
		return Container{}, fmt.Errorf("%s has no container of that name (%s ps -a lists them)", engine, engine)
	case status != 200:
		return Container{}, fmt.Errorf("%s answered %d: %s", engine, status, bytes.TrimSpace(body))
	}
	found, err := parse(body)
	found.Engine = engine
	return found, err
}

// answer is what is read of an engine's.
type answer struct {
	ID    string `json:"Id"`
	State struct {
		Running bool
		Paused  bool
		Status  string
		Pid     int
	}
	Config          struct{ Image string }
	NetworkSettings struct {
		Ports map[string][]struct{ HostIp, HostPort string } //nolint:revive // The API's own spelling.
	}
}

func parse(body []byte) (Container, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return Container{}, fmt.Errorf("read the engine's answer: %w", err)
	}
	if !a.State.Running || a.State.Pid <= 0 {
		return Container{}, fmt.Errorf("the container does not run: it is %s", a.State.Status)
	}
	if a.State.Paused {
		return Container{}, errors.New("the container is paused, and so would be its packets")
	}
	c := Container{PID: a.State.Pid, ID: a.ID, Image: a.Config.Image}
	for inside, outside := range a.NetworkSettings.Ports {
		for _, one := range outside {
			if p, ok := parsePort(inside, one.HostIp, one.HostPort); ok {
				c.Published = append(c.Published, p)
			}
		}
	}
	slices.SortFunc(c.Published, func(x, y Port) int { return int(x.Inside) - int(y.Inside) })
	return c, nil
}

// parsePort reads "5201/tcp", the address and the port that it is published at.
// One that is no port of an IPv4 address serves no test of ours.
func parsePort(inside, address, outside string) (p Port, ok bool) {
	number, protocol, _ := strings.Cut(inside, "/")
	in, inErr := strconv.ParseUint(number, 10, 16)
	out, outErr := strconv.ParseUint(outside, 10, 16)
	if inErr != nil || outErr != nil {
		return p, false
	}
	p = Port{Protocol: protocol, Inside: uint16(in), Outside: uint16(out)}
	if address == "" || address == "0.0.0.0" {
		return p, true
	}
	on, err := netip.ParseAddr(address)
	p.On = on
	return p, err == nil && on.Is4()
}

// get is one request of HTTP/1.0, which an engine answers whole and then closes.
// net/http would double the agent, which travels on every run.
func get(ctx context.Context, socket, path string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path); err != nil {
		return 0, nil, err
	}
	r := bufio.NewReader(io.LimitReader(conn, maxAnswer))
	status, err = readHead(textproto.NewReader(r))
	if err != nil {
		return 0, nil, errors.Join(err, context.Cause(ctx))
	}
	body, err = io.ReadAll(r)
	return status, body, err
}

func readHead(r *textproto.Reader) (status int, err error) {
	line, err := r.ReadLine()
	if err != nil {
		return 0, fmt.Errorf("read the answer: %w", err)
	}
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "HTTP/1.") {
		return 0, fmt.Errorf("read the answer: %q is no HTTP", line)
	}
	if status, err = strconv.Atoi(fields[1]); err != nil {
		return 0, fmt.Errorf("read the answer: %q is no HTTP", line)
	}
	_, err = r.ReadMIMEHeader()
	return status, err
}
