package evidence

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestBufferSize(t *testing.T) {
	for value, want := range map[string]string{"7 (expanded: 1408)\n": "1408", "512\n": "512", "1\n": "1"} {
		require.Equal(t, want, bufferSize(value))
	}
}

func TestFiltered(t *testing.T) {
	for listed, want := range map[string]string{
		"#### all functions enabled ####\n": "",
		"":                                  "",
		"tcp_sendmsg\nnf_conntrack_in [nf_conntrack]\n":                "tcp_sendmsg nf_conntrack_in",
		"#### all functions enabled ####\nschedule:traceoff:count=3\n": "",
	} {
		require.Equal(t, want, filtered(listed))
	}
}

// shared opens tracing for a test.
func shared(t *testing.T) *tracefs {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("this machine lacks root: nothing can be traced")
	}
	fs, err := openTracefs()
	require.NoError(t, err)
	t.Cleanup(fs.close)
	return fs
}

func (t *tracefs) mustRead(test *testing.T, name string) string {
	test.Helper()
	text, err := t.read(name)
	require.NoError(test, err)
	return text
}

// A pass is beside what a person traces, and leaves it, and nothing of itself.
func TestTracingIsLeftAsItWas(t *testing.T) {
	fs := shared(t)
	require.NoError(t, fs.idle())
	require.NoError(t, fs.write("set_event", "sched:sched_process_exec", true))
	on := fs.mustRead(t, "tracing_on")
	require.NoError(t, fs.write("tracing_on", "1", false))
	defer func() {
		require.NoError(t, fs.set([][2]string{{"set_event", ""}, {"trace", ""}, {"tracing_on", strings.TrimSpace(on)}}))
	}()
	size := fs.mustRead(t, "buffer_size_kb")

	tracer, err := Start(Events)
	require.NoError(t, err)
	another, err := Start(Events)
	require.NoError(t, err)
	require.NoError(t, exec.Command("true").Run())
	for _, one := range []*Tracer{another, tracer} {
		require.Contains(t, one.fs.mustRead(t, "set_event"), "net:netif_rx")
		text, err := one.Stop()
		require.NoError(t, err)
		require.NotContains(t, text, "sched_process_exec", "that is the person's")
		_, err = (&tracefs{root: fs.root, folder: one.own.folder}).read("set_event")
		require.ErrorIs(t, err, unix.ENOENT)
	}
	require.Equal(t, "sched:sched_process_exec\n", fs.mustRead(t, "set_event"))
	require.Equal(t, size, fs.mustRead(t, "buffer_size_kb"))
	require.Contains(t, fs.mustRead(t, "trace"), "sched_process_exec")
}

// Where there is no function graph of our own, what all share is borrowed from nobody,
// with a size of buffer that a person has set.
func TestWhatIsBorrowedIsGivenBack(t *testing.T) {
	fs := shared(t)
	require.NoError(t, fs.idle())
	size := fs.mustRead(t, "buffer_size_kb")
	require.NoError(t, fs.write("buffer_size_kb", "512", false))
	defer func() { _ = fs.write("buffer_size_kb", bufferSize(size), false) }()
	set := fs.mustRead(t, "buffer_size_kb") // The kernel rounds it.

	begin := func() (*Tracer, error) {
		top, err := openTracefs()
		require.NoError(t, err)
		tracer := &Tracer{top: top, kind: Events}
		tracer.own, err = top.instance(Events)
		require.NoError(t, err)
		if err = tracer.borrow(); err == nil {
			err = tracer.start()
		}
		return tracer, err
	}
	tracer, err := begin()
	require.NoError(t, err)
	require.NotEqual(t, set, fs.mustRead(t, "buffer_size_kb"))
	refused, err := begin()
	require.ErrorContains(t, err, "somebody traces")
	require.NoError(t, refused.reset())
	require.Contains(t, fs.mustRead(t, "set_event"), "net:netif_rx", "who was refused changes nothing")
	_, err = tracer.Stop()
	require.NoError(t, err)
	require.NoError(t, fs.idle())
	require.Equal(t, set, fs.mustRead(t, "buffer_size_kb"))
}

// tracing says that this is a child of the test below, and of which kind.
const tracing = "TESTBED_TEST_TRACING"

// An agent that is killed leaves its tracer on, until somebody sweeps; who lives keeps his.
func TestSweep(t *testing.T) {
	if kind := os.Getenv(tracing); kind != "" {
		tracer, err := Start(Kind(kind))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tracer.own.folder)
		_, _ = io.Copy(io.Discard, os.Stdin) // Until it is killed.
		return
	}
	fs := shared(t)
	child := exec.Command(os.Args[0], "-test.run=^TestSweep$")
	child.Env = append(os.Environ(), tracing+"="+string(Events))
	in, err := child.StdinPipe()
	require.NoError(t, err)
	defer in.Close()
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, _, err := bufio.NewReader(out).ReadLine()
	require.NoError(t, err)
	left := &tracefs{root: fs.root, folder: string(line)}
	require.Equal(t, "1\n", left.mustRead(t, "tracing_on"), string(line))

	require.NoError(t, Sweep())
	require.Equal(t, "1\n", left.mustRead(t, "tracing_on"), "it lives")
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	require.Equal(t, "1\n", left.mustRead(t, "tracing_on"), "a dead one does not end it")

	tracer, err := Start(Events)
	require.NoError(t, err)
	_, err = left.read("tracing_on")
	require.ErrorIs(t, err, unix.ENOENT)
	require.NoError(t, Sweep())
	_, err = tracer.Stop()
	require.NoError(t, err)
}
