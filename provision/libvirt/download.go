package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"
)

// downloadLog reads a console through the pool.
func (b *Backend) downloadLog(ctx context.Context, d seenDomain) (text []byte, err error) {
	var files []golibvirt.StorageVol
	what := fmt.Sprintf("read the console of %q", d.Thing)
	err = b.dialer.call(ctx, what, func(l *golibvirt.Libvirt) error {
		pool, err := l.StoragePoolLookupByName(b.names.pool(d.Lab))
		if err != nil {
			return err
		}
		if err := refresh(ctx, l, pool); err != nil {
			return err
		}
		all, _, err := l.StoragePoolListAllVolumes(pool, 1, 0)
		files = logFiles(all, filepath.Base(d.Log))
		return err
	})
	for _, file := range files {
		more, err := b.download(ctx, what, file)
		text = append(text, more...)
		if gone(err) != nil {
			return text, err
		}
	}
	return text, err
}

// download is a file as it is now. go-libvirt takes an empty packet for the end of a
// stream. Where the daemon sends one more before its caller has gone, the two wait for
// each other for good (callback holds the lock that requestStream needs; its version of
// October 2026): seen in some 5 of 300 downloads of a small file. So one that has all
// bytes counts, and one that brings nothing more is tried again.
func (b *Backend) download(ctx context.Context, what string, file golibvirt.StorageVol) (text []byte, err error) {
	const tries = 4
	for range tries {
		whole := false
		err = b.dialer.call(ctx, what, func(l *golibvirt.Libvirt) (err error) {
			text, whole, err = downloadOnce(l, file)
			return err
		})
		if whole {
			return text, nil
		}
		if !errors.Is(err, errStuck) {
			break
		}
	}
	return text, err
}

// logFiles are a console's, the oldest first.
func logFiles(volumes []golibvirt.StorageVol, name string) (files []golibvirt.StorageVol) {
	for _, rotated := range rotations {
		if at := slices.IndexFunc(volumes, func(v golibvirt.StorageVol) bool { return v.Name == name+rotated }); at >= 0 {
			files = append(files, volumes[at])
		}
	}
	return files
}

// errStuck is a download that does not return, or not with all. It has its connection
// closed.
var errStuck = fmt.Errorf("the download does not end: %w", golibvirt.ErrInterrupted)

// What a download may take from one piece to the next, and to end after the last.
const (
	pieceTimeout = 2 * time.Second
	endTimeout   = 100 * time.Millisecond
)

func downloadOnce(l *golibvirt.Libvirt, volume golibvirt.StorageVol) (text []byte, whole bool, err error) {
	_, size, _, err := l.StorageVolGetInfo(volume)
	if err != nil || size == 0 {
		return nil, err == nil, err
	}
	pieces := make(chan []byte)
	given := make(chan struct{})
	defer close(given)
	done := make(chan error, 1)
	go func() { done <- l.StorageVolDownload(volume, pieceWriter{pieces, given}, 0, size, 0) }()
	patience := pieceTimeout
	for {
		select {
		case piece := <-pieces:
			if text = append(text, piece...); uint64(len(text)) >= size {
				patience = endTimeout
			}
		case err := <-done:
			if err == nil && uint64(len(text)) < size {
				err = errStuck
			}
			return text, err == nil, err
		case <-time.After(patience):
			return text, uint64(len(text)) >= size, errStuck
		}
	}
}

// pieceWriter hands on what is written, until nobody takes it any more.
type pieceWriter struct {
	pieces chan<- []byte
	given  <-chan struct{} // Up.
}

func (w pieceWriter) Write(data []byte) (int, error) {
	select {
	case w.pieces <- bytes.Clone(data):
		return len(data), nil
	case <-w.given:
		return 0, errStuck
	}
}
