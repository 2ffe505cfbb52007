package terminal

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// style of a span, as an SGR parameter.
type style string

const (
	normal style = ""
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

type span struct {
	text  string
	style style
}

// line is one line of the screen before it is cut to its width.
type line []span

func (l line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}

// render cuts the line to width columns and colours it.
func (l line) render(width int, color bool, ellipsis string) string {
	room := width
	if columns(l.String()) > width {
		room -= columns(ellipsis)
	} else {
		ellipsis = ""
	}
	var b strings.Builder
	for _, s := range l {
		text := cut(s.text, room)
		room -= columns(text)
		if color && s.style != normal && text != "" {
			fmt.Fprintf(&b, "\x1b[%sm%s\x1b[0m", s.style, text)
		} else {
			b.WriteString(text)
		}
	}
	return b.String() + ellipsis
}

// columns counts a column a character: names of machines, modes and packages
// are ASCII.
func columns(s string) int { return utf8.RuneCountInString(s) }

func cut(s string, width int) string {
	if width <= 0 {
		return ""
	}
	for i := range s {
		if width == 0 {
			return s[:i]
		}
		width--
	}
	return s
}

// shorten cuts s to width columns and shows that something is missing.
func shorten(s string, width int, ellipsis string) string {
	if columns(s) <= width {
		return s
	}
	return cut(s, width-columns(ellipsis)) + ellipsis
}

// wrap breaks text at spaces into pieces of at most width columns.
func wrap(text string, width int) []string {
	var pieces []string
	var piece string
	for _, word := range strings.Fields(text) {
		if piece != "" && columns(piece)+1+columns(word) > width {
			pieces = append(pieces, piece)
			piece = ""
		}
		if piece != "" {
			piece += " "
		}
		piece += word
	}
	return append(pieces, piece)
}

// marks are the characters that a locale has.
type marks struct {
	done, failed, skipped, note string
	spinner                     []string
	full, empty                 string
	ellipsis                    string
}

func marksFor(unicode bool) marks {
	if !unicode {
		return marks{
			done: "+", failed: "x", skipped: "-", note: "!",
			spinner: []string{"|", "/", "-", "\\"},
			full:    "#", empty: ".", ellipsis: "...",
		}
	}
	return marks{
		done: "✓", failed: "✗", skipped: "·", note: "!",
		spinner: []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"},
		full:    "█", empty: "░", ellipsis: "…",
	}
}

func seconds(s float64) string {
	switch {
	case s >= 3600:
		return fmt.Sprintf("%d h %02d min", int(s)/3600, int(s)/60%60)
	case s >= 60:
		return fmt.Sprintf("%d min %02d s", int(s)/60, int(s)%60)
	}
	return fmt.Sprintf("%.1f s", s)
}

// clock is for time left, which is not known to a tenth of a second.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// bytes in powers of ten, as apt and disks count them.
func bytes(n float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for n >= 1000 && i < len(units)-1 {
		n, i = n/1000, i+1
	}
	if i == 0 || n >= 99.95 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}
