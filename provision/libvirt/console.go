package libvirt

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
)

// consoleLines is how much of a console an error shows.
const consoleLines = 20

// BootError says that a machine did not come up, and what it said last.
type BootError struct {
	Machine string
	Err     error
	Console []byte // All of it.
	File    string // Where it is kept. May be empty.
}

func (e *BootError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "boot %q: %v", e.Machine, e.Err)
	lines := Tail(e.Console, consoleLines)
	if len(lines) == 0 {
		text.WriteString("; its console shows nothing: the kernel did not start, or has no console on ttyS0")
		return text.String()
	}
	text.WriteString("; the end of its console:")
	for _, line := range lines {
		text.WriteString("\n  | " + line)
	}
	if e.File != "" {
		text.WriteString("\nall of it: " + e.File)
	}
	return text.String()
}

func (e *BootError) Unwrap() error { return e.Err }

// fatal are the lines after which a boot cannot succeed. troubling ones are the
// kernel's complaints about itself: a boot may go on, a result is in doubt.
var (
	fatal     = []string{"Kernel panic - not syncing", "BUG: ", "Oops: "}
	troubling = append([]string{"] RIP: ", "] Call Trace:", "unreferenced object 0x", " blocked for more than ", "Kernel panic", "WARNING: "}, fatal...)
)

// verdict is what a console says of a boot so far.
type verdict struct {
	ready bool
	err   error
}

// judge reads a whole console. The marker counts only as a whole line.
func judge(console []byte) verdict {
	for _, line := range clean(console) {
		if line == guestconfig.ReadyMarker {
			return verdict{ready: true}
		}
		if _, why, ok := strings.Cut(line, guestconfig.FailedMarker); ok {
			return verdict{err: fmt.Errorf("its init gave up: %s", why)}
		}
		for _, pattern := range fatal {
			if strings.Contains(line, pattern) {
				return verdict{err: fmt.Errorf("its kernel failed: %s", withoutTime(line))}
			}
		}
	}
	return verdict{}
}

// Trouble returns the lines of a console that put what its machine measured in
// doubt: panics, warnings with a trace, tasks that hang, leaks.
func Trouble(console []byte) []string {
	var lines []string
	for _, line := range clean(console) {
		for _, pattern := range troubling {
			if strings.Contains(line, pattern) {
				lines = append(lines, line)
				break
			}
		}
	}
	return lines
}

// Tail is the last n lines of a console that hold anything.
func Tail(console []byte, n int) []string {
	var lines []string
	for _, line := range clean(console) {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):]
}

var (
	escapes   = regexp.MustCompile(`\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[c=>78])`)
	timestamp = regexp.MustCompile(`^\[ *[0-9]+\.[0-9]+\] `)
)

// clean splits a console into lines without the controls that firmware and
// shells write. A last line without an end may be half of one: it is left out
// of judgement unless it is all there is.
func clean(console []byte) []string {
	text := escapes.ReplaceAll(console, nil)
	text = bytes.ReplaceAll(text, []byte("\r"), nil)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = strings.Map(printable, line)
	}
	return lines
}

func printable(r rune) rune {
	if r < ' ' && r != '\t' {
		return -1
	}
	return r
}

func withoutTime(line string) string { return timestamp.ReplaceAllString(line, "") }
