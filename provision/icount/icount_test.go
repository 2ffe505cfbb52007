package icount

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/internal/payload"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// fakeHypervisor says what a guest would.
type fakeHypervisor struct {
	provision.Backend
	output, counts []byte
	boot           func(ctx context.Context, want provision.Request) error

	mu    sync.Mutex
	wants []provision.Request
	downs int
}

func (h *fakeHypervisor) Plan(_ context.Context, want provision.Request) ([]provision.Step, error) {
	return []provision.Step{{Name: "boot guest", Do: func(ctx context.Context) error {
		h.mu.Lock()
		h.wants = append(h.wants, want)
		h.mu.Unlock()
		if h.boot != nil {
			return h.boot(ctx, want)
		}
		return nil
	}}}, nil
}

func (h *fakeHypervisor) Down(context.Context, string) ([]provision.Step, error) {
	return []provision.Step{{Do: func(context.Context) error { h.downs++; return nil }}}, nil
}

func (h *fakeHypervisor) State(context.Context) (map[string]any, error) { return nil, nil }
func (h *fakeHypervisor) Facts(_ context.Context, lab string) (map[string]any, error) {
	if h.downs > 0 {
		return map[string]any{commandLines: map[string]string{}}, nil
	}
	return map[string]any{commandLines: map[string]string{lab + "/guest": "qemu"}}, nil
}

func (h *fakeHypervisor) Output(context.Context, string, string) ([]byte, error) {
	return h.output, nil
}
func (h *fakeHypervisor) Counts(context.Context, string, string) ([]byte, error) {
	return h.counts, nil
}
func (h *fakeHypervisor) ConsoleOf(context.Context, string, string) ([]byte, error) {
	return []byte("console\n"), nil
}

func packed(t *testing.T, said ...proto.Said) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	for _, one := range said {
		require.NoError(t, json.NewEncoder(w).Encode(one))
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func words() []proto.Said {
	done, block := proto.Message{Type: proto.TypeDone}, proto.Message{Type: proto.TypeBlock, Block: &proto.BlockResult{Transactions: 10}}
	return []proto.Said{
		{Role: proto.Client, Message: block}, {Role: proto.Server, Message: proto.Message{Type: proto.TypeBlock, Block: &proto.BlockResult{}}},
		{Role: proto.Client, Message: done}, {Role: proto.Server, Message: done},
		{Symbols: "81000000 T start\n81000100 t middle\n81000100 T alias\n", ModuleSymbols: "c0000000 t veth_xmit\t[veth]\n"},
	}
}

func request(t *testing.T) provision.Request {
	t.Helper()
	kernel := filepath.Join(t.TempDir(), "vmlinuz")
	require.NoError(t, os.WriteFile(kernel, []byte("kernel"), 0o644))
	machine := func(name string) provision.MachineRequest {
		return provision.MachineRequest{Machine: testbed.Machine{Name: name, Image: "debian", CPUs: 1}, Kernel: kernel}
	}
	return provision.Request{Lab: "l", Seed: 7, Machines: []provision.MachineRequest{machine("client"), machine("server")}}
}

func open(t *testing.T, h *fakeHypervisor, counter []byte) *Backend {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	b, err := Open(h, counter, nil)
	require.NoError(t, err)
	return b
}

// exec plays both agents at once and returns what each was told.
func exec(t *testing.T, ctx context.Context, b *Backend, want provision.Request) (said map[string]string, errs map[string]error) {
	t.Helper()
	steps, err := b.Plan(ctx, want)
	require.NoError(t, err)
	require.Empty(t, steps)
	said, errs = map[string]string{}, map[string]error{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, role := range []proto.Role{proto.Client, proto.Server} {
		m, err := b.Machine(ctx, want.Lab, string(role))
		require.NoError(t, err)
		path, err := m.PushAgent(ctx, []byte("agent"))
		require.NoError(t, err)
		group.Go(func() {
			segment, _ := json.Marshal(proto.Segment{Role: role})
			var out bytes.Buffer
			err := m.Exec(ctx, provision.Command{Args: []string{path, "run"}, Stdin: bytes.NewReader(segment), Stdout: &out})
			mu.Lock()
			said[string(role)], errs[string(role)] = out.String(), err
			mu.Unlock()
		})
	}
	group.Wait()
	return said, errs
}

func TestTwoAgentsOneGuest(t *testing.T) {
	h := &fakeHypervisor{output: packed(t, words()...)}
	b := open(t, h, nil)
	said, errs := exec(t, t.Context(), b, request(t))
	require.NoError(t, errors.Join(errs["client"], errs["server"]))
	require.Contains(t, said["client"], `"transactions":10`)
	require.NotContains(t, said["server"], `"transactions":10`)
	require.Len(t, h.wants, 1)
	require.Equal(t, 1, h.downs, "the guest is gone")
	guest := h.wants[0].Machines[0]
	require.Equal(t, "l-icount", h.wants[0].Lab)
	require.Equal(t, uuidOf(7, 0), guest.Sealed.Seed)
	require.NotEqual(t, uuidOf(7, 0), uuidOf(7, 1))
	require.Contains(t, string(guest.Sealed.Input), `"role":"client"`)
	facts, err := b.Facts(t.Context(), "l")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"l-icount/guest": "qemu"}, facts[commandLines], "of a guest that is gone")

	m, err := b.Machine(t.Context(), "l", "client")
	require.NoError(t, err)
	console, err := m.ConsoleLog(t.Context())
	require.NoError(t, err)
	require.Equal(t, "console\n", string(console))
	for _, refused := range []error{
		m.Exec(t.Context(), provision.Command{}),
		m.Exec(t.Context(), provision.Command{Args: []string{"ls"}}),
		func() error { _, err := m.Console(t.Context()); return err }(),
		func() error { _, err := b.Machine(t.Context(), "other", "client"); return err }(),
	} {
		require.ErrorIs(t, refused, errNotHere)
	}
}

func TestAGuestThatFails(t *testing.T) {
	broken := errors.New("its kernel failed")
	h := &fakeHypervisor{boot: func(context.Context, provision.Request) error { return broken }}
	_, errs := exec(t, t.Context(), open(t, h, nil), request(t))
	require.ErrorIs(t, errs["client"], broken)
	require.ErrorIs(t, errs["server"], broken)
	require.Equal(t, 1, h.downs, "also then")

	whole := packed(t, words()...)
	for name, output := range map[string][]byte{"nothing": nil, "half": whole[:len(whole)/2], "without its checksum": whole[:len(whole)-8]} {
		h := &fakeHypervisor{output: output}
		_, errs := exec(t, t.Context(), open(t, h, nil), request(t))
		require.ErrorContains(t, errs["client"], "read the guest's output", name)
	}

	failed := packed(t, proto.Said{Role: proto.Client, Message: proto.Message{Type: proto.TypeError, Error: "no eth1"}},
		proto.Said{Role: proto.Server, Message: proto.Message{Type: proto.TypeError, Error: "no peer"}})
	said, errs := exec(t, t.Context(), open(t, &fakeHypervisor{output: failed}, nil), request(t))
	require.Contains(t, said["client"], "no eth1")
	var exit *provision.ExitError
	require.ErrorAs(t, errs["client"], &exit)
}

// One agent alone does not wait for ever, and leaves room for the next two.
func TestAnAgentAlone(t *testing.T) {
	h := &fakeHypervisor{output: packed(t, words()...)}
	b := open(t, h, nil)
	want := request(t)
	_, err := b.Plan(t.Context(), want)
	require.NoError(t, err)
	m, err := b.Machine(t.Context(), "l", "client")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = m.Exec(ctx, provision.Command{Args: []string{"agent", "run"}, Stdin: strings.NewReader(`{"role":"client"}`), Stdout: io.Discard})
	require.ErrorIs(t, err, errPeer)
	require.Empty(t, h.wants)
	m.(*machine).lab.mu.Lock()
	require.Nil(t, m.(*machine).lab.waiting)
	m.(*machine).lab.mu.Unlock()
}

func TestCheck(t *testing.T) {
	for want, spoil := range map[string]func(*provision.MachineRequest){
		"different images":                func(m *provision.MachineRequest) { m.Image = "other" },
		"has 2 processors":                func(m *provision.MachineRequest) { m.CPUs = 2 },
		"adds packages":                   func(m *provision.MachineRequest) { m.Disk = "/disk" },
		"has setup commands":              func(m *provision.MachineRequest) { m.Setup = "true" },
		"is a computer that exists":       func(m *provision.MachineRequest) { m.SSH = "a@b" },
		"sysctl \"vm.swappiness\" is one": func(m *provision.MachineRequest) { m.Sysctl = map[string]string{"vm.swappiness": "1"} },
	} {
		r := request(t)
		spoil(&r.Machines[1])
		_, err := open(t, &fakeHypervisor{}, nil).Plan(t.Context(), r)
		require.ErrorContains(t, err, want)
	}
}

// TestCounterOf finds the marks in the agent that travels.
func TestCounterOf(t *testing.T) {
	agent, err := payload.Agent()
	require.NoError(t, err, "make build makes it")
	c, err := counterOf(agent)
	require.NoError(t, err)
	require.Greater(t, c.Opens, uint64(0x400000))
	require.NotEqual(t, c.Opens, c.Closes, "two functions that do nothing are not one")
	_, err = counterOf([]byte("no ELF"))
	require.ErrorContains(t, err, "read the agent")
}

func TestAttribute(t *testing.T) {
	counts := []byte("window\nffffffff81000000 5\nffffffff81000010 2\nffffffff81000150 7\nffffffffc0000004 3\n401000 11\nffffffffd0000000 1\n")
	block := &proto.BlockResult{Transactions: 10}
	client := []proto.Message{{Type: proto.TypeHello}, {Type: proto.TypeBlock, Block: &proto.BlockResult{}}, {Type: proto.TypeBlock, Block: block}}
	last := words()[4]
	require.NoError(t, attribute(client, counts, last.Symbols+last.ModuleSymbols))
	require.Equal(t, map[string]int64{"start": 7, "alias": 7, "veth_xmit": 3, userSpace: 11, unknown: 1}, block.Functions)

	// What the compiler made of one function is one, however it is called.
	require.NoError(t, attribute(client, []byte("window\nffffffff81000000 5\nffffffff81000100 2\nffffffff81000200 4\n"),
		"81000000 t ip_rcv.isra.0\n81000100 t ip_rcv\n81000200 t ip_rcv.part.0.cold\n"))
	require.Equal(t, map[string]int64{"ip_rcv": 11}, block.Functions)

	require.ErrorContains(t, attribute(client, append(counts, counts...), last.Symbols), "2 stretches of 1 blocks")
	require.ErrorContains(t, attribute(client, []byte("81 1\n"), ""), "bad line")
	require.ErrorContains(t, attribute(client, []byte("window\nx y\n"), ""), "bad line")
	require.ErrorContains(t, attribute(client, counts, "zz T x\n"), "bad line")
}

// TestSymbolCache asks for a kernel's functions once.
func TestSymbolCache(t *testing.T) {
	agent, err := payload.Agent()
	require.NoError(t, err)
	last := words()[4]
	h := &fakeHypervisor{output: packed(t, words()...), counts: []byte("window\nffffffff81000000 5\n")}
	b := open(t, h, []byte("plugin"))
	want := request(t)
	for range 2 {
		_, err := b.Plan(t.Context(), want)
		require.NoError(t, err)
		b.labs["l"].agent = agent
		said, err := b.labs["l"].run(t.Context(), proto.Segment{Role: proto.Client}, proto.Segment{Role: proto.Server})
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"start": 5}, said[proto.Client][0].Block.Functions)
		last.Symbols = ""
		h.output = packed(t, append(words()[:4], last)...)
	}
	first, second := h.wants[0].Machines[0].Sealed, h.wants[1].Machines[0].Sealed
	require.Contains(t, string(first.Input), `"symbols":"all"`)
	require.Contains(t, string(second.Input), `"symbols":"mod"`)
	require.Len(t, second.Input, len(first.Input), "another length could count differently")

	// Passes look by their own means, and other seeds only differ in what is random.
	want.Boot = 1
	_, err = b.Plan(t.Context(), want)
	require.NoError(t, err)
	b.labs["l"].agent = agent
	_, err = b.labs["l"].run(t.Context(), proto.Segment{Role: proto.Client}, proto.Segment{Role: proto.Server})
	require.NoError(t, err)
	require.Nil(t, h.wants[2].Machines[0].Sealed.Counter)
	require.NotNil(t, h.wants[2].Machines[0].Sealed.Plugin, "each guest sleeps")
}

// A QEMU that takes no plugin gives the figures, and none by function.
func TestWithoutPlugins(t *testing.T) {
	agent, err := payload.Agent()
	require.NoError(t, err)
	h := &fakeHypervisor{output: packed(t, words()...)}
	h.boot = func(_ context.Context, want provision.Request) error {
		if want.Machines[0].Sealed.Plugin != nil {
			return errors.New("qemu-system-x86_64: -plugin: invalid option")
		}
		return nil
	}
	b := open(t, h, []byte("plugin"))
	var notes []string
	b.sink = func(e progress.Event) { notes = append(notes, e.Detail+e.Step) }
	_, err = b.Plan(t.Context(), request(t))
	require.NoError(t, err)
	b.labs["l"].agent = agent
	said, err := b.labs["l"].run(t.Context(), proto.Segment{Role: proto.Client}, proto.Segment{Role: proto.Server})
	require.NoError(t, err)
	require.Nil(t, said[proto.Client][0].Block.Functions)
	require.Contains(t, strings.Join(notes, "\n"), "instructions by function are unsupported")
	require.Equal(t, "unsupported: this QEMU does not load the plugin that counts (boot guest: qemu-system-x86_64: -plugin: invalid option)",
		said[proto.Client][0].Block.Uncounted, "the result says so too")
}
