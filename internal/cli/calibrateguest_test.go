package cli

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/provision"
)

// guest is a machine on which the program prints what it is told to.
type guest struct {
	provision.Machine
	stdout, stderr string
	status         int
}

func (g guest) PushAgent(context.Context, []byte) (string, error) { return "/pushed", nil }

func (g guest) Exec(_ context.Context, cmd provision.Command) error {
	_, _ = cmd.Stdout.Write([]byte(g.stdout))
	_, _ = cmd.Stderr.Write([]byte(g.stderr))
	if g.status != 0 {
		return &provision.ExitError{Status: g.status}
	}
	return nil
}

const foundNothing = `[{"Mode":"plus-1ms","Metric":"p50","Injected":1000000,"Found":{"estimate":2,"lo":1,"hi":3}}]`

func TestWhatTheGuestFoundIsOurs(t *testing.T) {
	var events []progress.Event
	g := guest{stdout: foundNothing, stderr: `{"time":"2026-01-01T00:00:00Z","step":"measure tcp_rr","state":"done"}` + "\n", status: exitFailed}
	all, err := calibrateOn(t.Context(), g, nil, func(e progress.Event) { events = append(events, e) })
	require.NoError(t, err, "that a delay was not found is no failure to look for it")
	require.Len(t, all, 1)
	require.False(t, all[0].Inside())
	require.Len(t, events, 1)
	require.Equal(t, "measure tcp_rr", events[0].Step)
}

func TestAGuestThatCannotCalibrateSaysWhy(t *testing.T) {
	_, err := calibrateOn(t.Context(), guest{stderr: "testbed: no netem\n", status: exitFailed}, nil, nil)
	require.ErrorContains(t, err, "calibrate in the guest: ")
	require.ErrorContains(t, err, "\n  testbed: no netem")
	_, err = calibrateOn(t.Context(), guest{stdout: "half a ["}, nil, nil)
	require.ErrorContains(t, err, "what it printed")
}

func TestUnpackStaysInItsFolder(t *testing.T) {
	archive := func(names ...string) *bytes.Buffer {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, name := range names {
			require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: 2}))
			_, err := w.Write([]byte("ok"))
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		return &b
	}
	dir := filepath.Join(t.TempDir(), "result")
	require.NoError(t, unpack(archive("./result.json"), dir))
	content, err := os.ReadFile(filepath.Join(dir, "result.json"))
	require.NoError(t, err)
	require.Equal(t, "ok", string(content))
	other := filepath.Join(filepath.Dir(dir), "other")
	require.Error(t, unpack(archive("half", "../beside"), other))
	require.NoFileExists(t, filepath.Join(filepath.Dir(dir), "beside"))
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, left, 1, "and half a result is none")
}
