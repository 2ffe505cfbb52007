package guestagent_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// TestSamples: each transaction of each block arrives, in pieces before the
// block's result, as a file whose checksum and count the result carries.
func TestSamples(t *testing.T) {
	test := short("all", "tcp_rr")
	test.Samples = true
	client, server := pair(t, []proto.Mode{{Name: "host", Kind: "host"}}, []proto.Test{test, short("none", "tcp_rr")}, 2)
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	var file bytes.Buffer
	files := 0
	for _, m := range client.messages {
		switch m.Type {
		case proto.TypeSamples:
			file.Write(m.Samples.Data)
		case proto.TypeBlock:
			if client.segment.Blocks[m.Block.Index].Test == "all" {
				requireFile(t, file.Bytes(), m.Block)
				files++
			} else {
				require.Zero(t, file.Len())
			}
			file.Reset()
		}
	}
	require.Positive(t, files)
}

// TestSamplesWithoutRoom: a block with more than fits fails with the reason, and the next
// one has the room again.
func TestSamplesWithoutRoom(t *testing.T) {
	long, small := short("long", "tcp_rr"), short("small", "tcp_rr")
	long.Transactions, long.Duration = 20_000, 0
	small.Transactions, small.Duration = 100, 0
	long.Samples, small.Samples = true, true
	client, server := pair(t, []proto.Mode{{Name: "host", Kind: "host"}}, []proto.Test{long, small}, 1)
	dir := t.TempDir()
	require.NoError(t, unix.Mount("testbed", dir, "tmpfs", 0, "size=128k"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	t.Setenv("TMPDIR", dir)
	run(t.Context(), client, server)
	require.NoError(t, client.err)
	require.NoError(t, server.err)
	results := client.results()
	require.Equal(t, proto.StatusFailed, results[0].Status)
	require.Contains(t, results[0].Reason, "client: keep samples: no space left on device for more than 16384 transactions in "+dir)
	require.Equal(t, results[0].Reason, server.results()[0].Reason)
	require.Equal(t, proto.StatusOK, results[1].Status, results[1].Reason)
	require.EqualValues(t, 100, results[1].SampleCount)
}

func requireFile(t *testing.T, file []byte, result *proto.BlockResult) {
	t.Helper()
	require.Equal(t, proto.StatusOK, result.Status, result.Reason)
	sum := sha256.Sum256(file)
	require.Equal(t, hex.EncodeToString(sum[:]), result.SamplesSHA256)
	packed, err := gzip.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	text, err := io.ReadAll(packed)
	require.NoError(t, err)
	require.EqualValues(t, result.Transactions, strings.Count(string(text), "\n"))
	require.Equal(t, result.Transactions, result.SampleCount)
}
