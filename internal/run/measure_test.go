package run

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// serve is a well-behaved server: it says it listens, and waits for the end of
// each block.
func serve(_ context.Context, a *fakeAgent) error {
	a.hello()
	for _, b := range a.segment.Blocks {
		a.tell("listening")
		if _, err := a.peer(); err != nil {
			return err
		}
		a.result(b, proto.BlockResult{Counters: map[string]int64{"steal": 1}, Setup: []string{"listen"}})
	}
	a.say(proto.Message{Type: proto.TypeDone, State: map[string]any{"load": "last"}})
	return nil
}

// ask is a well-behaved client.
func ask(_ context.Context, a *fakeAgent) error {
	a.hello()
	for _, b := range a.segment.Blocks {
		a.say(proto.Message{Type: proto.TypeStarted, Start: &proto.Start{Index: b.Index}})
		if _, err := a.peer(); err != nil {
			return err
		}
		a.tell("finished")
		r := proto.BlockResult{Transactions: 1000, Mean: 250e3, Counters: map[string]int64{"steal": 2}}
		if b.Mode == "l2" {
			r = proto.BlockResult{Status: proto.StatusUnsupported, Reason: "CONFIG_IPVLAN"}
		}
		a.result(b, r)
	}
	a.say(proto.Message{Type: proto.TypeDone})
	return nil
}

func pair(client, server func(context.Context, *fakeAgent) error) stations {
	return stations{
		"client": {Machine: &fakeMachine{name: "client", script: client}},
		"server": {Machine: &fakeMachine{name: "server", script: server}},
	}
}

func TestMeasure(t *testing.T) {
	var last progress.Event
	sink := progress.Sink(func(e progress.Event) {
		if e.State == progress.Running {
			last = e
		}
	})
	seen, err := measure(t.Context(), sink, 17, sampleCell(), sampleTest(), pair(ask, serve))
	require.NoError(t, err)
	require.Len(t, seen.blocks, 40)
	for _, b := range seen.blocks {
		require.Equal(t, map[string]int64{"client.steal": 2, "server.steal": 1}, withDefault(b.Counters, b.Mode))
		require.Equal(t, []string{"server: listen"}, b.Setup)
		if b.Mode == "l2" {
			require.Equal(t, "unsupported", b.Status)
			require.Equal(t, "CONFIG_IPVLAN", b.Reason)
			continue
		}
		require.Equal(t, "ok", b.Status)
		require.EqualValues(t, 1000, b.Transactions)
	}
	require.Equal(t, "6.12", seen.machines["client"].Facts["kernel"])
	require.Equal(t, "6.12", seen.machines["server"].Facts["kernel"])
	require.Equal(t, map[string]any{"load": "first"}, seen.machines["server"].Before)
	require.Equal(t, map[string]any{"load": "last"}, seen.machines["server"].After)
	require.EqualValues(t, 40, last.Total)
	require.Contains(t, last.Detail, "round 10/10")
}

// withDefault fills in the counters that an unsupported block has none of.
func withDefault(counters map[string]int64, mode string) map[string]int64 {
	if mode == "l2" {
		counters["client.steal"] = 2
	}
	return counters
}

func TestATruncatedStreamIsAnError(t *testing.T) {
	silent := func(_ context.Context, a *fakeAgent) error { a.hello(); return nil }
	_, err := measure(t.Context(), nil, 17, sampleCell(), sampleTest(), pair(ask, silent))
	require.ErrorContains(t, err, "agent on server")
	require.ErrorContains(t, err, `without "done"`)
}

func TestWhatWasMeasuredBeforeAFailureIsKept(t *testing.T) {
	dies := func(ctx context.Context, a *fakeAgent) error {
		a.segment.Blocks = a.segment.Blocks[:5]
		if err := serve(ctx, a); err != nil {
			return err
		}
		return &provision.ExitError{Status: 2}
	}
	// The server says done, five blocks in; the client's stream then breaks off.
	stops := func(ctx context.Context, a *fakeAgent) error {
		a.segment.Blocks = a.segment.Blocks[:5]
		_ = ask(ctx, a)
		return nil
	}
	seen, err := measure(t.Context(), nil, 17, sampleCell(), sampleTest(), pair(stops, dies))
	require.ErrorContains(t, err, "exit status 2")
	require.Len(t, seen.blocks, 5)
}

func TestTheAgentsOwnErrorIsShown(t *testing.T) {
	fails := func(_ context.Context, a *fakeAgent) error {
		a.hello()
		a.say(proto.Message{Type: proto.TypeError, Error: "device eth1 is gone"})
		return &provision.ExitError{Status: 1}
	}
	_, err := measure(t.Context(), nil, 17, sampleCell(), sampleTest(), pair(ask, fails))
	require.ErrorContains(t, err, "agent on server: device eth1 is gone")
}

func TestAnotherProtocolIsRefused(t *testing.T) {
	older := func(_ context.Context, a *fakeAgent) error {
		a.say(proto.Message{Type: proto.TypeHello, Hello: &proto.Hello{Version: 99}})
		_, err := io.Copy(io.Discard, a.input)
		return err
	}
	_, err := measure(t.Context(), nil, 17, sampleCell(), sampleTest(), pair(older, serve))
	require.ErrorContains(t, err, "version 99")
}

func TestSilenceEndsByTheWatchdog(t *testing.T) {
	plan, err := segmentsOf(17, sampleCell(), sampleTest())
	require.NoError(t, err)
	hangs := func(ctx context.Context, a *fakeAgent) error { a.hello(); <-ctx.Done(); return ctx.Err() }
	machines := pair(ask, hangs)
	log := newRecorder(sampleCell(), sampleTest(), plan.client)
	err = converse(t.Context(), plan, machines["client"], machines["server"], log, 50*time.Millisecond)
	require.ErrorContains(t, err, "said nothing for 50ms")
	require.ErrorContains(t, err, `test "tcp_rr"`)
}

func TestAnInterruptIsTheCause(t *testing.T) {
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	slow := func(ctx context.Context, a *fakeAgent) error { cancel(interrupted); <-ctx.Done(); return ctx.Err() }
	_, err := measure(ctx, nil, 17, sampleCell(), sampleTest(), pair(ask, slow))
	require.ErrorIs(t, err, interrupted)
}

// TestTheSegmentComesFirst: a peer that speaks before the other agent even runs
// is heard after the segment.
func TestTheSegmentComesFirst(t *testing.T) {
	late := func(m provision.Machine) provision.Machine { return &lateMachine{m, 50 * time.Millisecond} }
	machines := pair(ask, serve)
	machines["client"].Machine = late(machines["client"].Machine)
	seen, err := measure(t.Context(), nil, 17, sampleCell(), sampleTest(), machines)
	require.NoError(t, err)
	require.Len(t, seen.blocks, 40)
}

// lateMachine takes its time to start a command.
type lateMachine struct {
	provision.Machine
	delay time.Duration
}

func (m *lateMachine) Exec(ctx context.Context, cmd provision.Command) error {
	time.Sleep(m.delay)
	return m.Machine.Exec(ctx, cmd)
}

// TestAKernelsComplaintIsShown: what a machine's kernel said of itself is a
// warning, and in the error of a run that failed, with the end of the console.
func TestAKernelsComplaintIsShown(t *testing.T) {
	o := (&Conductor{Backend: &fakeBackend{}}).newOutcome(t.Context())
	calm := &fakeMachine{name: "client"}
	sick := &fakeMachine{name: "server", console: "boot\n[ 3.1] Kernel panic - not syncing: x\n[ 3.1] Call Trace:\n[ 3.1]  f+0x1/0x2\n[ 3.1]  g+0x1/0x2 [veth]\nlast\n"}
	complaints := o.keepConsoles(t.Context(), sampleCell(), 0, "", stations{"client": {Machine: calm}, "server": {Machine: sick}})
	require.Equal(t, "\nkernel of \"server\": Kernel panic - not syncing: x in f < g [veth]; the end of its console:"+
		"\n  | boot\n  | [ 3.1] Kernel panic - not syncing: x\n  | [ 3.1] Call Trace:\n  | [ 3.1]  f+0x1/0x2\n  | [ 3.1]  g+0x1/0x2 [veth]\n  | last", complaints)
	require.Equal(t, []testbed.Crash{{
		Machine: "server", Cell: sampleCell().At(), Boot: 1, Complaint: "Kernel panic - not syncing: x",
		Frames: []string{"f", "g [veth]"}, Console: "consoles/" + consoleFile(sampleCell(), "server", 0), Tail: provision.Tail([]byte(sick.console), provision.ConsoleLines),
	}}, o.crashes)
	require.Empty(t, o.warnings, "the crash is told of by itself")
	require.Len(t, o.Consoles, 2)

	complaints = o.keepConsoles(t.Context(), sampleCell(), 1, "", stations{"client": {Machine: &fakeMachine{name: "client", console: "[ 3.1] WARNING: CPU: 0 PID: 1 at x\n"}}})
	require.Contains(t, complaints, "WARNING: CPU: 0 PID: 1 at x")
	require.Equal(t, []string{"kernel of client: [ 3.1] WARNING: CPU: 0 PID: 1 at x"}, o.warnings)
	require.Len(t, o.crashes, 1)
}
