package guestagent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLease(t *testing.T) {
	for name, test := range map[string]struct {
		silence time.Duration
		end     func(w *io.PipeWriter, cancel context.CancelFunc)
	}{
		"its input ends":   {time.Hour, func(w *io.PipeWriter, _ context.CancelFunc) { w.Close() }},
		"a signal ends it": {time.Hour, func(_ *io.PipeWriter, cancel context.CancelFunc) { cancel() }},
		"it falls silent":  {time.Millisecond, func(*io.PipeWriter, context.CancelFunc) {}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "agent")
			require.NoError(t, os.Mkdir(folder, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(folder, "agent"), []byte("x"), 0o700))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			in, w := io.Pipe()
			ended := make(chan error, 1)
			go func() { ended <- lease(ctx, folder, in, test.silence) }()
			if test.silence == time.Hour {
				_, err := w.Write([]byte(".."))
				require.NoError(t, err)
				require.DirExists(t, folder)
			}
			test.end(w, cancel)
			require.NoError(t, <-ended)
			require.NoDirExists(t, folder)
		})
	}
}

// stuck takes nothing, as a pipe to an SSH server whose connection was cut.
type stuck struct{ never chan struct{} }

func (s stuck) Write([]byte) (int, error) { <-s.never; return 0, io.ErrClosedPipe }

func TestAReaderThatIsGoneWithoutAWord(t *testing.T) {
	s := stuck{make(chan struct{})}
	defer close(s.never)
	p := &patient{out: s, patience: time.Millisecond}
	_, err := p.Write([]byte("a"))
	require.EqualError(t, err, "the conductor has read nothing for 1ms")
	p.patience = time.Hour
	_, again := p.Write([]byte("b"))
	require.Equal(t, err, again, "it is not waited for twice")
}

func TestAReaderThatIsThere(t *testing.T) {
	var out bytes.Buffer
	p := &patient{out: &out, patience: time.Hour}
	for range 3 {
		n, err := p.Write([]byte("line\n"))
		require.NoError(t, err)
		require.Equal(t, 5, n)
	}
	require.Equal(t, "line\nline\nline\n", out.String())
	p.out = stuck{closed()}
	_, err := p.Write([]byte("x"))
	require.True(t, errors.Is(err, io.ErrClosedPipe))
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestChecksThatAreAskedWrongly(t *testing.T) {
	require.ErrorContains(t, Command([]string{"check", "eth1"}, nil, nil), "want DEVICE ADDRESS [share]")
	require.ErrorContains(t, Command([]string{"check", "eth1", "10.0.0.1"}, nil, nil), `no '/'`)
	require.ErrorContains(t, Command([]string{"check", "nosuch0", "10.77.0.1/24"}, nil, nil), `there is no interface "nosuch0"`)
}
