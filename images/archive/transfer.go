package archive

import (
	"context"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/testbed-lab/testbed/internal/progress"
)

// progressEvery is how often a transfer says how far it is.
const progressEvery = 200 * time.Millisecond

// partWriter appends to a partly fetched file, hashes it and reports progress.
type partWriter struct {
	file       *os.File
	hash       hash.Hash
	have, want int64
	step       string
	progress   progress.Sink
	reported   time.Time
	restarted  bool
}

func (w *partWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.have += int64(n)
	if now := time.Now(); now.Sub(w.reported) >= progressEvery {
		w.reported = now
		w.progress.Emit(progress.Event{Step: w.step, State: progress.Running, Current: w.have, Total: w.want, Unit: "bytes"})
	}
	return n, err
}

// restart forgets what was there, for a server that sends files only whole.
func (w *partWriter) restart() error {
	if err := w.file.Truncate(0); err != nil {
		return err
	}
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	w.hash.Reset()
	w.have, w.restarted = 0, true
	return nil
}

// watchedBody cancels its request when nothing arrives for stallLimit.
type watchedBody struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func newWatchedBody(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser) *watchedBody {
	stalled := func() { cancel(fmt.Errorf("nothing arrived for %s", stallLimit)) }
	return &watchedBody{body: body, ctx: ctx, cancel: cancel, timer: time.AfterFunc(stallLimit, stalled)}
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF && b.ctx.Err() != nil {
		err = context.Cause(b.ctx)
	}
	b.timer.Reset(stallLimit)
	return n, err
}

func (b *watchedBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.body.Close()
}
