package terminal

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/internal/progress"
)

// barColumns of a bar: a column is 5%.
const barColumns = 20

// draw writes lines that stay where the live region was and the live region
// below them, in one write, overwriting instead of clearing, so that nothing
// flickers. The cursor rests at the end of the last line.
func (d *Display) draw(stay []line) {
	width, height := d.options.Size()
	// The last column stays free: a terminal may wrap after filling it.
	width = max(width-1, 10)
	var b strings.Builder
	if d.drawn > 0 {
		b.WriteString("\r")
	}
	if d.drawn > 1 {
		fmt.Fprintf(&b, "\x1b[%dA", d.drawn-1)
	}
	for _, l := range stay {
		b.WriteString(l.render(width, d.options.Color, d.marks.ellipsis) + "\x1b[K\n")
	}
	live := d.live(width, max(height-1, 1))
	for i, l := range live {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(l.render(width, d.options.Color, d.marks.ellipsis) + "\x1b[K")
	}
	if len(live) < d.drawn {
		b.WriteString("\x1b[J")
	}
	d.drawn = len(live)
	// A terminal that is gone must not stop the work.
	_, _ = io.WriteString(d.out, b.String())
}

// live is the region in motion: a line a step, as many as fit.
func (d *Display) live(width, height int) []line {
	var lines []line
	now := d.options.Now()
	if d.folded.count > 0 && height > 1 {
		lines = append(lines, line{{d.marks.done, green}, {fmt.Sprintf(" %s%s so far", foldedVerb, files(d.folded.count)), dim}})
		height--
	}
	for i, s := range d.steps {
		if i == height-1 && len(d.steps) > height {
			return append(lines, line{{fmt.Sprintf("  and %d more", len(d.steps)-i), dim}})
		}
		lines = append(lines, d.running(s, now, width))
	}
	return lines
}

func (d *Display) running(s *step, now time.Time, width int) line {
	spin := d.marks.spinner[d.frame%len(d.marks.spinner)]
	elapsed := seconds(now.Sub(s.started).Seconds())
	if s.total <= 0 {
		l := line{{spin, yellow}, {" " + s.name, normal}, {"  " + elapsed, dim}}
		if s.unit == "bytes" && s.current > 0 {
			l = append(l, span{"  " + bytes(float64(s.current)), normal})
		}
		return append(l, detailed(s.detail)...)
	}
	gauge, detail, left := d.gauge(s), s.detail, d.timeLeft(s, now)
	if detail != "" {
		detail = "  " + detail
	}
	// Where the line is too narrow the bar goes first, then the time left, then
	// the end of the name.
	bar := "  " + d.bar(s)
	room := width - 2 - columns(s.name) - columns(gauge) - columns(detail)
	if columns(bar)+columns(left) > room {
		bar = ""
	}
	if columns(left) > room {
		left = ""
	}
	name := shorten(s.name, max(room-columns(left)-columns(bar)+columns(s.name), 12), d.marks.ellipsis)
	return line{{spin, yellow}, {" " + name, normal}, {bar, green}, {gauge, normal}, {detail, normal}, {left, dim}}
}

func detailed(detail string) []span {
	if detail == "" {
		return nil
	}
	return []span{{"  " + detail, normal}}
}

// portion of a step that is done, within 0 to 1.
func (s *step) portion() float64 {
	return min(max(float64(s.current)/float64(s.total), 0), 1)
}

func (d *Display) bar(s *step) string {
	full := int(s.portion() * barColumns)
	return strings.Repeat(d.marks.full, full) + strings.Repeat(d.marks.empty, barColumns-full)
}

// gauge is the figures beside the bar: how much, and for bytes how fast.
func (d *Display) gauge(s *step) string {
	text := fmt.Sprintf("  %3.0f%%", 100*s.portion())
	if s.unit == "bytes" {
		text += "  " + bytes(float64(s.total))
		if rate := s.meter.rate(d.options.Now()); rate > 0 {
			text += "  " + bytes(rate) + "/s"
		}
	}
	return text
}

func (d *Display) timeLeft(s *step, now time.Time) string {
	left, known := s.meter.left(now, s.total)
	if !known {
		return ""
	}
	return "  " + clock(left) + " left"
}

// finished is the line that stays when a step ended.
func (d *Display) finished(e progress.Event) line {
	if !d.options.TTY || d.closed {
		return plainFinished(e)
	}
	switch e.State {
	case progress.Failed:
		l := line{{d.marks.failed, red}, {" " + e.Step, normal}, {"  " + seconds(e.Seconds), dim}}
		return append(l, detailed(e.Error)...)
	case progress.Skipped:
		return line{{d.marks.skipped, dim}, {" " + e.Step, normal}, {"  " + e.Detail, dim}}
	}
	l := line{{d.marks.done, green}, {" " + e.Step, normal}, {"  " + seconds(e.Seconds), dim}}
	return append(l, detailed(e.Detail)...)
}

// noteLines wraps a note: unlike a step's line, all of it matters.
func (d *Display) noteLines(text string) []line {
	if text == "" {
		return nil
	}
	if !d.options.TTY || d.closed {
		return []line{{{text, normal}}}
	}
	width, _ := d.options.Size()
	var lines []line
	for i, piece := range wrap(text, max(width-3, 20)) {
		mark := span{d.marks.note, yellow}
		if i > 0 {
			mark = span{" ", normal}
		}
		lines = append(lines, line{mark, {" " + piece, normal}})
	}
	return lines
}
