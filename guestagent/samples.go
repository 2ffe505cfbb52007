package guestagent

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"slices"
	"strconv"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/rr"
)

// pieceSize of a samples file, in bytes, before it is a line of JSON.
const pieceSize = 48 << 10

func (r *runner) openSpool() (err error) {
	if r.segment.Role == proto.Client && slices.ContainsFunc(r.segment.Tests, func(t proto.Test) bool { return t.Samples }) {
		r.spool, err = rr.NewSpool()
	}
	return err
}

func (r *runner) closeSpool() {
	if r.spool != nil {
		r.spool.Close()
	}
}

// keepSamples makes the loop leave each transaction in the spool, if the block wants so.
func (j *job) keepSamples() error {
	j.recording.Keep(nil)
	if !j.keeps {
		return nil
	}
	j.recording.Keep(j.spool)
	return j.spool.Reset()
}

// haveSamples says whether each transaction is there. A block of which some are not
// fails, and gives its room back.
func (j *job) haveSamples() error {
	if !j.keeps {
		return nil
	}
	if err := j.spool.End(); err != nil {
		return errors.Join(err, j.spool.Reset())
	}
	return nil
}

// sendSamples streams what the spool holds as a file that anybody can read: gzip
// of decimal numbers, a transaction a line, in ns and in the order in which they
// ended. No more than a piece of it is in memory.
func (j *job) sendSamples() error {
	pieces := &pieces{emit: j.Emit, hash: sha256.New()}
	buffered := bufio.NewWriterSize(pieces, pieceSize)
	packed := gzip.NewWriter(buffered)
	var line []byte
	err := j.spool.Drain(func(ns int64) error {
		line = append(strconv.AppendInt(line[:0], ns, 10), '\n')
		_, err := packed.Write(line)
		j.result.SampleCount++
		return err
	})
	for _, end := range []func() error{packed.Close, buffered.Flush} {
		if err == nil {
			err = end()
		}
	}
	j.result.SamplesSHA256 = hex.EncodeToString(pieces.hash.Sum(nil))
	return err
}

// pieces sends what is written to it.
type pieces struct {
	emit func(proto.Message) error
	hash hash.Hash
	sent int
}

var _ io.Writer = (*pieces)(nil)

func (p *pieces) Write(data []byte) (int, error) {
	p.hash.Write(data)
	err := p.emit(proto.Message{Type: proto.TypeSamples, Samples: &proto.Samples{Index: p.sent, Data: bytes.Clone(data)}})
	p.sent++
	return len(data), err
}
