package provision

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// fatal are the lines after which a kernel does not go on. troubling ones are
// its complaints about itself: it may go on, and what it measures is in doubt.
var (
	fatal     = []string{"Kernel panic - not syncing", "BUG: ", "Oops: "}
	troubling = append([]string{"] RIP: ", "] Call Trace:", "unreferenced object 0x", " blocked for more than ", "Kernel panic", "WARNING: "}, fatal...)
)

// Fatal says whether a line of a console is a kernel's last.
func Fatal(line string) bool { return holds(line, fatal) }

// Trouble returns the lines of a console that put what its machine measured in
// doubt: panics, warnings with a trace, tasks that hang, leaks.
func Trouble(console []byte) []string {
	return slices.DeleteFunc(Lines(console), func(line string) bool { return !holds(line, troubling) })
}

func holds(line string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return strings.Contains(line, p) })
}

// ConsoleLines is how much of a console an error shows.
const ConsoleLines = 20

// Tail is the last n lines of a console that hold anything.
func Tail(console []byte, n int) []string {
	lines := slices.DeleteFunc(Lines(console), func(line string) bool { return strings.TrimSpace(line) == "" })
	return lines[max(0, len(lines)-n):]
}

// Of a console in an error.
const (
	consoleLead   = "; the end of its console:"
	consoleMargin = "\n  | "
	consoleRest   = "\nall of it: "
)

// EndOfConsole is the end of a console as it stands in an error.
func EndOfConsole(console []byte) string {
	return consoleLead + consoleMargin + strings.Join(Tail(console, ConsoleLines), consoleMargin)
}

// RestOfConsole says where all of a console is kept, after its end.
func RestOfConsole(file string) string { return consoleRest + file }

// WithoutConsole is an error's text without the ends of consoles in it.
func WithoutConsole(text string) string {
	var kept []string
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix("\n"+line, consoleMargin) || strings.HasPrefix("\n"+line, consoleRest) {
			continue
		}
		kept = append(kept, strings.TrimSuffix(line, consoleLead))
	}
	return strings.Join(kept, "\n")
}

var escapes = regexp.MustCompile(`\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[c=>78])`)

// Lines splits a console into lines without the controls that firmware and
// shells write.
func Lines(console []byte) []string {
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
