package libvirt

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/progress"
)

func store(t *testing.T) stateStore {
	return newStateStore(t.TempDir(), newNamer("uid-0", newEndpoint(systemURI, "/run/libvirt")))
}

func TestState(t *testing.T) {
	s := store(t)
	none, err := s.load("lab")
	require.NoError(t, err)
	require.Zero(t, none)
	kept, err := none.complete("lab")
	require.NoError(t, err)
	require.NoError(t, s.save(kept))
	got, err := s.load("lab")
	require.NoError(t, err)
	require.Equal(t, kept, got)
	again, err := got.complete("lab")
	require.NoError(t, err)
	require.Equal(t, kept, again, "a lab keeps its id and its key")
	signer, err := got.signer()
	require.NoError(t, err)
	require.Equal(t, "ssh-ed25519", signer.PublicKey().Type())

	for path, mode := range map[string]os.FileMode{s.lab("lab"): 0o700, s.file("lab"): 0o600} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), "others must not read the key")
	}
	require.NoError(t, s.remove("lab"))
	_, err = os.Stat(s.folder)
	require.ErrorIs(t, err, os.ErrNotExist, "nothing of the last lab is left")
}

func TestBrokenState(t *testing.T) {
	s := store(t)
	require.NoError(t, os.MkdirAll(s.lab("lab"), 0o700))
	require.NoError(t, os.WriteFile(s.file("lab"), []byte("{"), 0o600))
	_, err := s.load("lab")
	require.ErrorContains(t, err, s.file("lab"))
	require.ErrorContains(t, err, "remove the file")
}

func TestLock(t *testing.T) {
	s := store(t)
	first, pid, err := s.tryLock("lab")
	require.NoError(t, err)
	require.Zero(t, pid)
	second, pid, err := s.tryLock("lab")
	require.NoError(t, err)
	require.Nil(t, second)
	require.Equal(t, os.Getpid(), pid)
	other, _, err := s.tryLock("another")
	require.NoError(t, err)
	other.Release()

	var notes []string
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = s.lock(ctx, "lab", func(e progress.Event) { notes = append(notes, e.Detail) })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, `to end its work on lab "lab"`)
	require.Len(t, notes, 1)

	time.AfterFunc(20*time.Millisecond, first.Release)
	third, err := s.lock(t.Context(), "lab", nil)
	require.NoError(t, err)
	third.Release()
	names, err := s.names()
	require.NoError(t, err)
	require.Empty(t, names, "a lock that is given back leaves no file")
}

func TestExplainDenied(t *testing.T) {
	open := filepath.Join(t.TempDir(), "pool")
	require.NoError(t, os.MkdirAll(open, 0o755))
	for dir := open; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	b := &Backend{dialer: &dialer{endpoint: newEndpoint(systemURI, "/nowhere")}}
	explainDenied := func(err error, path string) error { return b.explainDenied(t.Context(), err, path) }
	denied := errorText("could not load kernel 'x': Permission denied")
	require.Nil(t, explainDenied(nil, open))
	require.Equal(t, errorText("disk full"), explainDenied(errorText("disk full"), open))
	require.ErrorContains(t, explainDenied(denied, filepath.Join(open, "file")), "a security driver refuses it")

	closed := filepath.Dir(open)
	require.NoError(t, os.Chmod(closed, 0o700))
	err := explainDenied(denied, filepath.Join(open, "file"))
	require.ErrorIs(t, err, denied)
	require.ErrorContains(t, err, "may not search "+closed+": sudo setfacl -m u:")
	require.ErrorContains(t, err, ":x "+closed)
}

type errorText string

func (e errorText) Error() string { return string(e) }
