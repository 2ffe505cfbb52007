package guestagent

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// Ensemble makes the machines that it reads, runs the agents of both roles in
// them, and writes what they said only when both are done: a byte that leaves
// earlier would let the outside into what is measured. Its error is of what is not in
// there, or that the kernel hangs, which is.
func Ensemble(ctx context.Context, in io.Reader, out io.Writer) error {
	var plan proto.Ensemble
	if err := json.NewDecoder(bufio.NewReader(in)).Decode(&plan); err != nil {
		return fmt.Errorf("read ensemble: %w", err)
	}
	if plan.Version != proto.Version {
		return fmt.Errorf("read ensemble: its protocol is version %d, and this agent's %d", plan.Version, proto.Version)
	}
	var said ledger
	failure := play(ctx, plan, &said)
	if plan.Symbols != "" {
		failure = errors.Join(failure, said.symbols("/proc/kallsyms", plan.Symbols))
	}
	packed := gzip.NewWriter(out) // Its checksum tells whether all of it has arrived.
	_, err := packed.Write(said.text.Bytes())
	return errors.Join(failure, err, packed.Close())
}

// ledger keeps what the agents said, in the order in which they said it.
type ledger struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *ledger) emit(role proto.Role) func(proto.Message) error {
	return func(m proto.Message) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		return json.NewEncoder(&l.text).Encode(proto.Said{Role: role, Message: m})
	}
}

func play(ctx context.Context, plan proto.Ensemble, said *ledger) error {
	cast, err := assemble(ctx, plan)
	if err != nil {
		return errors.Join(said.fail(proto.Client, err), said.fail(proto.Server, err))
	}
	defer cast.close()
	client, server := inMemory()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var both sync.WaitGroup
	var failures, hangs [2]error
	for i, part := range []struct {
		segment proto.Segment
		peer    Peer
	}{{plan.Client, client}, {plan.Server, server}} {
		both.Go(func() {
			err := cast.perform(ctx, part.segment, part.peer, said.emit(part.segment.Role))
			if err != nil {
				cancel(err) // The other would wait for a peer that will not speak again.
				failures[i] = said.fail(part.segment.Role, err)
			}
			if hung(err) != nil {
				hangs[i] = err
			}
		})
	}
	both.Wait()
	return errors.Join(append(failures[:], hangs[:]...)...)
}

// symbols adds functions, a line each. A module's name stands last in a line of one
// of its functions.
func (l *ledger) symbols(path, wanted string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the kernel's symbols: %w", err)
	}
	defer file.Close()
	var kernel, modules strings.Builder
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		fields := strings.Fields(line)
		if len(fields) < 3 || !strings.Contains("tTwW", fields[1]) || strings.HasPrefix(fields[2], "__pfx_") {
			continue
		}
		to := &kernel
		if len(fields) > 3 {
			to = &modules
		}
		to.WriteString(strings.TrimPrefix(line, "ffffffff") + "\n")
	}
	said := proto.Said{ModuleSymbols: modules.String()}
	if wanted == proto.SymbolsKernel {
		said.Symbols = kernel.String()
	}
	return json.NewEncoder(&l.text).Encode(said)
}

// fail is the last message of a role that did not come to its end.
func (l *ledger) fail(role proto.Role, err error) error {
	return l.emit(role)(proto.Message{Type: proto.TypeError, Error: err.Error(), Hang: hung(err)})
}

// perform is one agent's part, in its machine's namespace.
func (c cast) perform(ctx context.Context, segment proto.Segment, peer Peer, emit func(proto.Message) error) error {
	machine, ok := c[segment.Self.Name]
	if !ok {
		return fmt.Errorf("machine %q is not in the ensemble", segment.Self.Name)
	}
	greeting, err := hello(machine, segment.Self.Device)
	if err != nil {
		return err
	}
	if err := emit(greeting); err != nil {
		return err
	}
	agent := &Agent{Namespace: machine, Peer: peer, Emit: emit}
	if err := agent.Run(ctx, segment); err != nil {
		return err
	}
	return emit(done(machine))
}

// inMemory joins two agents of one process.
func inMemory() (client, server Peer) {
	there, back := make(chan json.RawMessage, 16), make(chan json.RawMessage, 16)
	return memoryPeer{there, back}, memoryPeer{back, there}
}

type memoryPeer struct {
	out chan<- json.RawMessage
	in  <-chan json.RawMessage
}

func (p memoryPeer) Send(ctx context.Context, message json.RawMessage) error {
	select {
	case p.out <- message:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p memoryPeer) Receive(ctx context.Context) (json.RawMessage, error) {
	select {
	case message := <-p.in:
		return message, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
