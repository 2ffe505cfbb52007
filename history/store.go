package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// File is the store's one file, in its folder.
const File = "history.db"

// schema is the identifier of the store's format.
const schema = "testbed.history/v1"

// Buckets of the file.
var (
	metaBucket    = []byte("meta")
	resultsBucket = []byte("results") // Result by ID.
	filesBucket   = []byte("files")   // Compressed, by ID and name.
	seenBucket    = []byte("seen")    // What checks have reported, by series.
	schemaKey     = []byte("schema")
)

// Access is what a store is opened for.
type Access int

// Accesses.
const (
	Reading  Access = iota // Others may read at the same time.
	Writing                // A store that exists, alone.
	Creating               // The same, and one that does not exist is made.
)

// Options say how a store is opened.
type Options struct {
	Access Access
	// Wait is how long to wait for whoever has the store. 0: half a minute.
	Wait time.Duration
}

// Store is an open history.
type Store struct {
	path string
	db   *bolt.DB
}

// MissingError says that there is no store.
type MissingError struct{ Dir string }

func (e *MissingError) Error() string { return fmt.Sprintf("no history in %q", e.Dir) }

// Hint is how one is made.
func (e *MissingError) Hint() string {
	return "testbed history add --store " + e.Dir + " RESULT makes one"
}

// BusyError says that others had the store for as long as was waited.
type BusyError struct {
	Path   string
	Waited time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("open history %q: another process has held it for %v", e.Path, e.Waited)
}

// Hint is how to see who it is.
func (e *BusyError) Hint() string {
	return "let the other testbed history end; fuser -v " + e.Path + " names the process that holds the file, and the lock goes with it"
}

// UnreadableError says that the file is no store that this version reads.
type UnreadableError struct {
	Path string
	Err  error
}

func (e *UnreadableError) Error() string { return fmt.Sprintf("open history %q: %v", e.Path, e.Err) }
func (e *UnreadableError) Unwrap() error { return e.Err }

// Hint is what to do about it.
func (e *UnreadableError) Hint() string {
	return "move the file away and add the results' folders to a new store; a store of a newer testbed is read by that one"
}

// Open opens the store in a folder, and waits where others have it: a writer for
// everybody, a reader for writers.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	s := &Store{path: filepath.Join(dir, File)}
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && o.Access == Creating:
		if err := create(dir); err != nil {
			return nil, fmt.Errorf("make history %q: %w", s.path, err)
		}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &MissingError{dir}
	case err != nil:
		return nil, fmt.Errorf("open history: %w", err)
	case info.Size() == 0: // Which bbolt would fill.
		return nil, &UnreadableError{s.path, errors.New("it is empty")}
	}
	// To read first: a file that is damaged ends the process that opens it to write.
	if err := s.open(ctx, Options{Access: Reading, Wait: o.Wait}); err != nil {
		return nil, err
	}
	if err := s.view(s.check); err != nil {
		return nil, errors.Join(&UnreadableError{s.path, err}, s.Close())
	}
	if o.Access == Reading {
		return s, nil
	}
	if err := s.Close(); err != nil {
		return nil, fmt.Errorf("open history %q: %w", s.path, err)
	}
	if err := s.open(ctx, o); err != nil {
		return nil, err
	}
	return s, nil
}

// check refuses what is no store of ours before any page but the first is looked at: in a
// file that was cut off, that would end the process.
func (s *Store) check(tx *bolt.Tx) error {
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.Size() < tx.Size() {
		return fmt.Errorf("it was cut off at %d of %d bytes", info.Size(), tx.Size())
	}
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return errors.New("it is another program's database")
	}
	if found := string(meta.Get(schemaKey)); found != schema {
		return fmt.Errorf("its schema is %q; this version reads %q", found, schema)
	}
	return nil
}

// create makes an empty store under another name, and names it when it is whole: a
// process that is killed meanwhile leaves no half of one. Of two at once one wins.
func create(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft)
	path := filepath.Join(draft, File)
	db, err := bolt.Open(path, 0o644, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{metaBucket, resultsBucket, filesBucket, seenBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(schemaKey, []byte(schema))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Link(path, filepath.Join(dir, File)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// patience is how long one attempt to lock the file lasts, so that an interrupt is heard.
const patience = 200 * time.Millisecond

func (s *Store) open(ctx context.Context, o Options) error {
	if o.Wait == 0 {
		o.Wait = 30 * time.Second
	}
	for began := time.Now(); ; {
		left := o.Wait - time.Since(began)
		db, err := bolt.Open(s.path, 0o644, &bolt.Options{Timeout: max(min(left, patience), time.Millisecond), ReadOnly: o.Access == Reading})
		switch {
		case err == nil:
			s.db = db
			return nil
		case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
			return &UnreadableError{s.path, err}
		case !errors.Is(err, bolterrors.ErrTimeout):
			return fmt.Errorf("open history: %w", err)
		case ctx.Err() != nil:
			return fmt.Errorf("open history %q: %w", s.path, context.Cause(ctx))
		case left <= 0:
			return &BusyError{s.path, o.Wait}
		}
	}
}

// view and update are bbolt's, but for what it does with a file whose pages contradict
// each other: it panics.
func (s *Store) view(do func(*bolt.Tx) error) error { return s.guarded(s.db.View, do) }

func (s *Store) update(do func(*bolt.Tx) error) error { return s.guarded(s.db.Update, do) }

func (s *Store) guarded(transact func(func(*bolt.Tx) error) error, do func(*bolt.Tx) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if damage := recover(); damage != nil {
			err = &UnreadableError{s.path, fmt.Errorf("it is damaged: %v", damage)}
		}
	}()
	return transact(do)
}

// Close lets others have the store.
func (s *Store) Close() error { return s.db.Close() }

// Results are all results of the store, in the order of their IDs.
func (s *Store) Results() (all []Result, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		return tx.Bucket(resultsBucket).ForEach(func(id, text []byte) error {
			var r Result
			if err := json.Unmarshal(text, &r); err != nil {
				return fmt.Errorf("read result %.12s of history %q: %w", id, s.path, err)
			}
			all = append(all, r)
			return nil
		})
	})
	return all, err
}

// put stores a value as JSON.
func put(b *bolt.Bucket, key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put([]byte(key), text)
}
