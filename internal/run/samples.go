package run

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/testbed"
)

// samplesRoot is the folder in a result that holds every transaction of a block.
const samplesRoot = "samples"

func samplesFolder(cell testbed.Cell, test testbed.Test) string {
	name := safeName(test.Name)
	if at := cellName(cell); at != "" {
		name += "." + safeName(at)
	}
	return filepath.Join(samplesRoot, name)
}

// scratch is a folder for what is too large to be held in memory until the
// result has one. It is made when it is first needed.
type scratch struct {
	parent string // Optional.

	mu  sync.Mutex // Cells may be measured at once.
	dir string
}

// path is that of a file in it, whose folder is made.
func (s *scratch) path(name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		if s.parent != "" {
			if err := os.MkdirAll(s.parent, 0o755); err != nil {
				return "", err
			}
		}
		dir, err := os.MkdirTemp(s.parent, ".measuring-")
		if err != nil {
			return "", err
		}
		s.dir = dir
	}
	path := filepath.Join(s.dir, name)
	return path, os.MkdirAll(filepath.Dir(path), 0o755)
}

// move gives all that it holds to a folder of the same file system.
func (s *scratch) move(to string) error {
	if s == nil || s.dir == "" {
		return nil
	}
	err := os.Rename(filepath.Join(s.dir, samplesRoot), filepath.Join(to, samplesRoot))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // No block of which samples were kept.
	}
	if err != nil {
		return fmt.Errorf("move samples out of %s, where they are left: %w", s.dir, err)
	}
	s.remove()
	return nil
}

func (s *scratch) remove() {
	if s != nil && s.dir != "" {
		_ = os.RemoveAll(s.dir)
		s.dir = ""
	}
}

// sampleSink writes the samples of one block after the other to files, as they
// come. It is the client's: pieces belong to the block whose result follows.
type sampleSink struct {
	scratch *scratch
	folder  string // Of the files, in the result's.

	file   *os.File
	hash   hash.Hash
	pieces int
	broken string // What is wrong with the pieces, if anything.
}

// keptSamples are a block's, or why it has none that can be relied on.
type keptSamples struct {
	samples *testbed.Samples
	fault   string
}

const partialSamples = "partial"

// write takes a piece. Its error is this machine's, such as a full disk.
func (s *sampleSink) write(piece *proto.Samples) error {
	if s.file == nil {
		path, err := s.scratch.path(partialSamples)
		if err != nil {
			return fmt.Errorf("keep samples: %w", err)
		}
		if s.file, err = os.Create(path); err != nil {
			return fmt.Errorf("keep samples: %w", err)
		}
		s.hash = sha256.New()
	}
	if piece.Index != s.pieces && s.broken == "" {
		s.broken = fmt.Sprintf("piece %d came in place of piece %d", piece.Index, s.pieces)
	}
	s.pieces++
	s.hash.Write(piece.Data)
	if _, err := s.file.Write(piece.Data); err != nil {
		return fmt.Errorf("keep samples: %w", err)
	}
	return nil
}

// finish names the file for the block that its pieces were of. The fault is the
// block's: its samples are not what the agent says they are.
func (s *sampleSink) finish(result *proto.BlockResult, index int, mode string) (kept *testbed.Samples, fault string, err error) {
	file, pieces, broken := s.file, s.pieces, s.broken
	s.file, s.pieces, s.broken = nil, 0, ""
	sum := hex.EncodeToString(sha256.New().Sum(nil))
	if file != nil {
		sum = hex.EncodeToString(s.hash.Sum(nil))
		if err := file.Close(); err != nil {
			return nil, "", fmt.Errorf("keep samples: %w", err)
		}
	}
	switch {
	case result.Status != proto.StatusOK:
		return nil, "", nil
	case broken != "":
		return nil, "samples: " + broken, nil
	case file == nil || sum != result.SamplesSHA256:
		return nil, fmt.Sprintf("samples: %d pieces have SHA-256 %.12s, and the agent sent %.12s", pieces, sum, result.SamplesSHA256), nil
	case result.SampleCount != result.Transactions:
		return nil, fmt.Sprintf("samples: %d, and %d transactions", result.SampleCount, result.Transactions), nil
	}
	name := filepath.Join(s.folder, fmt.Sprintf("%05d-%s.gz", index, safeName(mode)))
	path, err := s.scratch.path(name)
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return nil, "", fmt.Errorf("keep samples: %w", err)
	}
	return &testbed.Samples{File: filepath.ToSlash(name), SHA256: sum, Count: result.SampleCount}, "", nil
}

func (s *sampleSink) close() {
	if s != nil && s.file != nil {
		_ = s.file.Close()
	}
}
