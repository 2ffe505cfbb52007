package terminal

import (
	"io"
	"strings"

	"github.com/testbed-lab/testbed/internal/progress"
)

// prefix of plain lines, so that a log says who speaks.
const prefix = "testbed: "

func (d *Display) printPlain(lines []line) {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(prefix + l.String() + "\n")
	}
	// A log that cannot be written must not stop the work.
	_, _ = io.WriteString(d.out, b.String())
}

// plainFinished says it in words, which a search finds.
func plainFinished(e progress.Event) line {
	switch e.State {
	case progress.Failed:
		l := line{{"failed: " + e.Step + "  " + seconds(e.Seconds), normal}}
		return append(l, detailed(e.Error)...)
	case progress.Skipped:
		return line{{"skipped: " + e.Step + "  " + e.Detail, normal}}
	}
	l := line{{e.Step + "  " + seconds(e.Seconds), normal}}
	return append(l, detailed(e.Detail)...)
}

// remind says of each step that takes long that it still runs.
func (d *Display) remind() {
	now := d.options.Now()
	var lines []line
	for _, s := range d.steps {
		last := s.started
		if s.reminded.After(last) {
			last = s.reminded
		}
		// Half an interval of grace, since the ticker is not aligned with steps.
		if now.Sub(last) < lineEvery/2 {
			continue
		}
		s.reminded = now
		lines = append(lines, d.reminder(s))
	}
	d.print(lines)
}

func (d *Display) reminder(s *step) line {
	now := d.options.Now()
	l := line{{s.name + ": ", normal}}
	if s.total > 0 {
		l = append(l, span{strings.TrimSpace(d.gauge(s)), normal})
	} else {
		l = append(l, span{"running for " + seconds(now.Sub(s.started).Seconds()), normal})
	}
	l = append(l, detailed(s.detail)...)
	if s.total > 0 {
		l = append(l, span{d.timeLeft(s, now), normal})
	}
	return l
}
