package ssh

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/testbed-lab/testbed/provision"
)

// lease is the agent's file on a machine: a command there holds it, and removes
// it with its folder when its input ends or falls silent.
type lease struct {
	path    string
	digest  string
	process *process
	input   *io.PipeReader
	output  *io.PipeReader
	stop    chan struct{}
}

// beat is the time between signs of life, a fraction of the agent's leaseSilence.
const beat = 20 * time.Second

// hold makes a folder where programs may run, takes the agent from its input,
// and holds both. A cut connection at any moment ends it: the shell's trap, or
// the agent, removes what is there.
const hold = `umask 077
for t in "${TMPDIR:-/tmp}" /tmp /var/tmp /dev/shm "$HOME"; do
	d=$(mktemp -d "$t/testbed-agent.XXXXXXXX" 2>/dev/null) || continue
	trap 'rm -rf "$d"' EXIT
	trap 'exit 1' HUP INT TERM PIPE
	printf '#!/bin/sh\nexit 0\n' >"$d/agent" && chmod 700 "$d/agent" && "$d/agent" 2>/dev/null && break
	rm -rf "$d"
	d=
done
if [ -z "$d" ]; then echo "` + mark + ` nowhere"; exit 1; fi
head -c "$1" >"$d/agent"
s=$(sha256sum "$d/agent")
echo "` + mark + ` $d/agent ${s%% *}"
[ "${s%% *}" = "$2" ] && "$d/agent" lease "$d"`

// push brings the agent, unless the same one is there.
func (n *conn) push(ctx context.Context, agent []byte) (string, error) {
	sum := sha256.Sum256(agent)
	digest := hex.EncodeToString(sum[:])
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lease != nil && n.lease.digest == digest && n.lease.holds() {
		return n.lease.path, nil
	}
	if n.lease != nil {
		n.lease.end()
		n.lease = nil
	}
	l, err := n.take(ctx, agent, digest)
	if err != nil {
		return "", err
	}
	n.lease = l
	return l.path, nil
}

func (n *conn) take(ctx context.Context, agent []byte, digest string) (*lease, error) {
	output, stdout := io.Pipe()
	input, stdin := io.Pipe()
	p, err := n.start(script(hold, strconv.Itoa(len(agent)), digest), provision.Command{Stdin: input, Stdout: stdout})
	if err != nil {
		return nil, err
	}
	l := &lease{digest: digest, process: p, input: input, output: output, stop: make(chan struct{})}
	go func() {
		if _, err := io.Copy(stdin, bytes.NewReader(agent)); err == nil {
			l.live(stdin)
		}
		_ = stdin.Close()
	}()
	said := make(chan []string, 1) // Nil where it says nothing.
	go func() {
		fields, _ := marked(bufio.NewReader(output))
		said <- fields
		_, _ = io.Copy(io.Discard, output)
	}()
	select {
	case fields := <-said:
		l.path, err = placed(fields, digest)
	case exit := <-p.exited:
		p.exited <- exit
		_ = stdout.Close()
		if _, err = placed(<-said, digest); err == nil || errors.Is(err, errSilent) {
			err = fmt.Errorf("%w: %s", cmp.Or(n.result(exit, p), errSilent), p.words.last())
		}
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		l.end()
		return nil, err
	}
	return l, nil
}

// placed reads what the machine says of the file.
func placed(fields []string, digest string) (string, error) {
	switch {
	case fields == nil:
		return "", errSilent
	case len(fields) == 1:
		return "", errors.New("programs may run in none of its folders for temporary files (mounted noexec?); set TMPDIR there to one where they may")
	case len(fields) != 2:
		return "", errors.New("a path with spaces: set TMPDIR there to one without")
	case fields[1] != digest:
		return "", fmt.Errorf("the machine has SHA-256 %q of it, want %s", fields[1], digest)
	}
	return fields[0], nil
}

// live gives signs of life until the lease ends.
func (l *lease) live(to io.Writer) {
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(beat):
		}
		if _, err := to.Write([]byte(".")); err != nil {
			return
		}
	}
}

func (l *lease) holds() bool { return len(l.process.exited) == 0 }

// end gives the lease up and waits until the file is gone.
func (l *lease) end() {
	close(l.stop)
	l.process.giveUp()
	_ = l.input.CloseWithError(io.ErrClosedPipe)
	_ = l.output.CloseWithError(io.ErrClosedPipe)
}

// agentPath is where the agent lies; empty before it was pushed.
func (n *conn) agentPath() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lease == nil {
		return ""
	}
	return n.lease.path
}
