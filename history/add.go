package history

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
	bolt "go.etcd.io/bbolt"

	"github.com/testbed-lab/testbed/report"
)

// Incoming is a result on its way into a store: read, checked and compressed.
type Incoming struct {
	Result Result
	files  map[string][]byte // By name, compressed.
}

// Read reads a result's folder. What Add takes has been checked, so that a broken one
// keeps out all that were to be added with it.
func Read(dir string) (Incoming, error) {
	r, text, blocks, err := report.ReadWithText(dir)
	if err != nil {
		return Incoming{}, err
	}
	kept, err := newResult(r)
	if err != nil {
		return Incoming{}, fmt.Errorf("read result %q: %w", filepath.Join(dir, report.ResultFile), err)
	}
	page, err := os.ReadFile(filepath.Join(dir, report.PageFile))
	if errors.Is(err, fs.ErrNotExist) {
		var drawn bytes.Buffer
		err = report.HTML(&drawn, r, blocks)
		page = drawn.Bytes()
	}
	if err != nil {
		return Incoming{}, fmt.Errorf("read report: %w", err)
	}
	kept.ID = idOf(text)
	if kept.Folder, err = filepath.Abs(dir); err != nil {
		return Incoming{}, err
	}
	in := Incoming{Result: kept, files: map[string][]byte{}}
	for name, data := range map[string][]byte{report.ResultFile: text, report.PageFile: page} {
		if in.files[name], err = compress(data); err != nil {
			return Incoming{}, err
		}
	}
	return in, nil
}

// Added says what became of a result.
type Added struct {
	Result
	Known bool // It was there before, and stays as it is.
	Bytes int  // That it takes in the store, compressed.
}

// Add stores results in one transaction: all of them or, with an error, none.
func (s *Store) Add(incoming []Incoming) (added []Added, err error) {
	err = s.update(func(tx *bolt.Tx) error {
		results, files := tx.Bucket(resultsBucket), tx.Bucket(filesBucket)
		for _, in := range incoming {
			if results.Get([]byte(in.Result.ID)) != nil {
				added = append(added, Added{Result: in.Result, Known: true})
				continue
			}
			in.Result.Added = time.Now().UTC()
			if err := put(results, in.Result.ID, in.Result); err != nil {
				return err
			}
			size := 0
			for name, data := range in.files {
				size += len(data)
				if err := files.Put(fileKey(in.Result.ID, name), data); err != nil {
					return err
				}
			}
			added = append(added, Added{Result: in.Result, Bytes: size})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("add to history %q: %w", s.path, err)
	}
	return added, nil
}

func fileKey(id, name string) []byte { return []byte(id + "/" + name) }

// ReportFile is a stored file of a result: [report.ResultFile] or [report.PageFile].
func (s *Store) ReportFile(id, name string) ([]byte, error) {
	var data []byte
	err := s.view(func(tx *bolt.Tx) error {
		stored := tx.Bucket(filesBucket).Get(fileKey(id, name))
		if stored == nil {
			return errors.New("it is not there")
		}
		var err error
		data, err = decompress(stored)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s of result %.12s in history %q: %w", name, id, s.path, err)
	}
	return data, nil
}

func compress(data []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(data, nil), w.Close()
}

func decompress(data []byte) ([]byte, error) {
	r, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.DecodeAll(data, nil)
}
