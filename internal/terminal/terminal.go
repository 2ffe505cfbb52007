// Package terminal draws progress for a person: one line a step on a terminal,
// plain lines where there is none, JSON lines for programs. It prints nothing
// of its own accord and knows nothing about the work. It never hides the
// cursor or changes the terminal's mode, so a killed program leaves nothing to
// restore.
package terminal

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/testbed-lab/testbed/internal/progress"
)

// Options say what is on the other end. The zero value draws plain ASCII lines.
type Options struct {
	TTY     bool              // It is a terminal that moves its cursor.
	Size    func() (w, h int) // Columns and lines, asked before each drawing. Optional: 80 by 24.
	Color   bool              // It shows colours.
	Unicode bool              // Its locale has ✓ and blocks.
	JSON    bool              // Events as JSON lines, and nothing else.
	Now     func() time.Time  // Optional: time.Now.
	Every   time.Duration     // Between drawings. Optional; negative: only Tick draws.
}

// Intervals between drawings. Ten a second looks alive and costs nothing; a log
// wants to know now and then that something still happens.
const (
	frameEvery = 100 * time.Millisecond
	lineEvery  = 10 * time.Second
)

// Display draws what its sink receives. Its methods may be called from several
// goroutines at once.
type Display struct {
	out     io.Writer
	options Options
	marks   marks
	stop    chan struct{}
	stopped sync.WaitGroup

	mu     sync.Mutex
	steps  []*step // Running, in order of their start.
	folded fold
	drawn  int // Lines of the live region on the screen.
	frame  int // Drawings so far: turns the spinner.
	closed bool
}

// New starts a display. Close ends it.
func New(out io.Writer, options Options) *Display {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Size == nil {
		options.Size = func() (int, int) { return 80, 24 }
	}
	d := &Display{out: out, options: options, marks: marksFor(options.Unicode), stop: make(chan struct{})}
	every := options.Every
	switch {
	case every == 0 && options.TTY:
		every = frameEvery
	case every == 0:
		every = lineEvery
	}
	if every > 0 && !options.JSON {
		d.stopped.Add(1)
		go d.run(every)
	}
	return d
}

func (d *Display) run(every time.Duration) {
	defer d.stopped.Done()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-ticker.C:
			d.Tick()
		}
	}
}

// Tick draws what runs. A display does it by itself, unless Every is negative.
func (d *Display) Tick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.options.JSON {
		return
	}
	if d.options.TTY {
		d.frame++
		if len(d.steps) > 0 || d.drawn > 0 {
			d.draw(nil)
		}
		return
	}
	d.remind()
}

// Sink is where work sends its events. After Close they are still written, as
// lines.
func (d *Display) Sink() progress.Sink { return d.take }

// Close removes what is in motion from the screen and leaves the lines of the
// steps that ended. Further calls do nothing.
func (d *Display) Close() {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	d.print(d.folded.flush(d))
	d.steps = nil
	if d.drawn > 0 {
		d.draw(nil)
	}
	d.closed = true
	close(d.stop)
	d.mu.Unlock()
	d.stopped.Wait()
}

func (d *Display) take(e progress.Event) {
	if e.Time.IsZero() {
		e.Time = d.options.Now()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.options.JSON {
		// An event that cannot be written has nobody who could be told.
		_ = json.NewEncoder(d.out).Encode(e)
		return
	}
	switch e.State {
	case progress.Started:
		d.start(e)
	case progress.Running:
		d.advance(e)
	case progress.Note:
		d.print(append(d.folded.flush(d), d.noteLines(clean(e.Detail))...))
	default:
		d.finish(e)
	}
}

// print writes lines that stay, above what is in motion.
func (d *Display) print(lines []line) {
	if len(lines) == 0 {
		return
	}
	if d.options.TTY && !d.closed {
		d.draw(lines)
		return
	}
	d.printPlain(lines)
}
