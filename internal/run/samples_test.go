package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

// sending is a client that sends what was kept of each block before its result,
// changed by spoil.
func sending(spoil func(b proto.Block, pieces []proto.Samples, r *proto.BlockResult) []proto.Samples) func(context.Context, *fakeAgent) error {
	return func(_ context.Context, a *fakeAgent) error {
		a.hello()
		for _, b := range a.segment.Blocks {
			a.say(proto.Message{Type: proto.TypeStarted, Start: &proto.Start{Index: b.Index}})
			if _, err := a.peer(); err != nil {
				return err
			}
			a.tell("finished") // The server may be a block ahead from here on.
			r := histogramOf(200_000)
			text := "samples of " + b.Mode
			sum := sha256.Sum256([]byte(text))
			r.SampleCount, r.SamplesSHA256 = r.Transactions, hex.EncodeToString(sum[:])
			pieces := []proto.Samples{{Index: 0, Data: []byte(text[:5])}, {Index: 1, Data: []byte(text[5:])}}
			for _, piece := range spoil(b, pieces, &r) {
				a.say(proto.Message{Type: proto.TypeSamples, Samples: &piece})
			}
			a.result(b, r)
		}
		a.say(proto.Message{Type: proto.TypeDone})
		return nil
	}
}

func samplesLab() *Lab {
	lab := labOf(testbed.Test{})
	lab.Cells[0].Coordinates = []testbed.Coordinate{{Name: "kernel", Value: "a/b"}}
	lab.Cells[0].Tests[0].Samples = "all"
	lab.Cells[0].Tests[0].Rounds = 5
	return lab
}

func TestSamplesLieBesideTheResult(t *testing.T) {
	whole := func(_ proto.Block, pieces []proto.Samples, _ *proto.BlockResult) []proto.Samples { return pieces }
	lab := samplesLab()
	lab.Source = filepath.Join(t.TempDir(), "lab.hcl")
	store := Store{Root: t.TempDir()}
	c := &Conductor{Backend: &fakeBackend{machines: pair(sending(whole), serve)}, Scratch: store.Scratch(lab.Name)}
	o, err := c.Run(t.Context(), lab)
	require.NoError(t, err)
	dir, err := store.Save(lab, filepath.Join(t.TempDir(), "none"), o)
	require.NoError(t, err)
	for i, b := range o.Blocks {
		require.Empty(t, b.Void)
		require.EqualValues(t, 20_000, b.Samples.Count)
		content, err := os.ReadFile(filepath.Join(dir, b.Samples.File))
		require.NoError(t, err)
		require.Equal(t, "samples of "+b.Mode, string(content))
		sum := sha256.Sum256(content)
		require.Equal(t, hex.EncodeToString(sum[:]), b.Samples.SHA256)
		if i == 7 {
			require.Equal(t, "samples/test0.kernel=a_b/00007-"+b.Mode+".gz", b.Samples.File)
		}
	}
	left, err := filepath.Glob(filepath.Join(store.Root, "l", ".*"))
	require.NoError(t, err)
	require.Empty(t, left, "nothing is left of the run but its result")
}

// TestSamplesThatAreNotWhole void their block, and no other.
func TestSamplesThatAreNotWhole(t *testing.T) {
	spoil := func(b proto.Block, pieces []proto.Samples, r *proto.BlockResult) []proto.Samples {
		switch b.Index {
		case 1:
			return pieces[:1] // Cut short.
		case 4:
			r.SampleCount--
		case 7:
			return nil
		case 10:
			pieces[1].Index = 5
		}
		return pieces
	}
	c := &Conductor{Backend: &fakeBackend{machines: pair(sending(spoil), serve)}, Scratch: t.TempDir()}
	o, err := c.Run(t.Context(), samplesLab())
	require.NoError(t, err)
	defer o.scratch.remove()
	for i, want := range map[int]string{
		0: "", 1: "samples: 1 pieces have SHA-256", 4: "samples: 19999, and 20000 transactions",
		7: "samples: 0 pieces", 10: "samples: piece 5 came in place of piece 1", 11: "",
	} {
		require.Contains(t, o.Blocks[i].Void, want)
		require.Equal(t, want == "", o.Blocks[i].Void == "", o.Blocks[i].Void)
		require.Equal(t, want == "", o.Blocks[i].Samples != nil)
	}
}

// TestSamplesThatCannotBeKept end the test: a disk that is full stays full.
func TestSamplesThatCannotBeKept(t *testing.T) {
	var undone atomic.Int32
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	whole := func(_ proto.Block, pieces []proto.Samples, _ *proto.BlockResult) []proto.Samples { return pieces }
	c := &Conductor{Backend: &fakeBackend{machines: pair(sending(whole), leaving(&undone))}, Scratch: file}
	_, err := c.Run(t.Context(), samplesLab())
	require.ErrorContains(t, err, `test "test0": keep samples: `)
	require.NotContains(t, err.Error(), "agent on")
}
