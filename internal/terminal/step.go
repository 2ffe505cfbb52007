package terminal

import (
	"strconv"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/internal/progress"
)

// step is one that runs.
type step struct {
	name     string
	started  time.Time
	detail   string
	current  int64
	total    int64
	unit     string
	meter    meter
	reminded time.Time
}

func (d *Display) start(e progress.Event) {
	if s := d.find(e.Step); s != nil {
		*s = step{name: s.name, started: e.Time, detail: clean(e.Detail)}
	} else {
		d.steps = append(d.steps, &step{name: clean(e.Step), started: e.Time, detail: clean(e.Detail)})
	}
	if d.options.TTY && !d.closed {
		d.draw(nil)
	}
}

// advance waits for the next drawing: a download may report thousands of times.
func (d *Display) advance(e progress.Event) {
	s := d.find(e.Step)
	if s == nil {
		s = &step{name: clean(e.Step), started: e.Time}
		d.steps = append(d.steps, s)
	}
	s.current, s.total, s.unit, s.detail = e.Current, e.Total, e.Unit, clean(e.Detail)
	s.meter.add(e.Time, e.Current)
}

func (d *Display) finish(e progress.Event) {
	if s := d.find(e.Step); s != nil {
		if e.Seconds == 0 {
			e.Seconds = e.Time.Sub(s.started).Seconds()
		}
		d.remove(s)
	}
	e.Step, e.Detail, e.Error = clean(e.Step), clean(e.Detail), clean(firstLine(e.Error))
	if d.folded.takes(e) && !d.closed {
		d.folded.add(e)
		if d.options.TTY {
			d.draw(nil)
		}
		return
	}
	d.print(append(d.folded.flush(d), d.finished(e)))
}

func (d *Display) find(name string) *step {
	name = clean(name)
	for _, s := range d.steps {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (d *Display) remove(gone *step) {
	for i, s := range d.steps {
		if s == gone {
			d.steps = append(d.steps[:i], d.steps[i+1:]...)
			return
		}
	}
}

// fold joins the lines of downloads that ended one after the other: an image's
// tools are some fifty packages, most of them done in a blink.
type fold struct {
	count       int
	last        progress.Event
	start, stop time.Time
}

const foldedVerb = "download "

func (f *fold) takes(e progress.Event) bool {
	return e.State == progress.Done && strings.HasPrefix(e.Step, foldedVerb)
}

func (f *fold) add(e progress.Event) {
	start := e.Time.Add(-time.Duration(e.Seconds * float64(time.Second)))
	if f.count == 0 || start.Before(f.start) {
		f.start = start
	}
	f.count, f.last, f.stop = f.count+1, e, e.Time
}

// flush gives the line that stands for the downloads so far.
func (f *fold) flush(d *Display) []line {
	if f.count == 0 {
		return nil
	}
	e := f.last
	if f.count > 1 {
		e.Step = foldedVerb + files(f.count)
		e.Seconds = f.stop.Sub(f.start).Seconds()
	}
	*f = fold{}
	return []line{d.finished(e)}
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return strconv.Itoa(n) + " files"
}

// clean keeps escape sequences and line breaks, such as a guest's console may
// hold, off the user's terminal.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s))
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}
