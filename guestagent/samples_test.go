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
