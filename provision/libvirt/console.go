package libvirt

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
	"github.com/testbed-lab/testbed/provision"
)

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
	if crash, failed := provision.FirstCrash(e.Console); failed && len(crash.Frames) > 0 {
		text.WriteString(" in " + strings.Join(crash.Frames, " < "))
	}
	lines := provision.Tail(e.Console, provision.ConsoleLines)
	if len(lines) == 0 {
		text.WriteString("; its console shows nothing: " + e.silence())
		return text.String()
	}
	text.WriteString(provision.EndOfConsole(e.Console))
	if e.File != "" {
		text.WriteString(provision.RestOfConsole(e.File))
	}
	return text.String()
}

// silence is why a console shows nothing. A guest that was seen to run is only quiet.
func (e *BootError) silence() string {
	if stalled := new(stalledError); errors.As(e.Err, &stalled) && stalled.progress != "" {
		return "its kernel is told to be quiet (loglevel=7 on the image's cmdline has it speak)"
	}
	return "the kernel did not start, or has no console on ttyS0"
}

func (e *BootError) Unwrap() error { return e.Err }

// Crashed is what a kernel's failure is read from.
func (e *BootError) Crashed() (machine string, console []byte) { return e.Machine, e.Console }

// verdict is what a console says of a boot so far.
type verdict struct {
	ready bool
	err   error
}

// judge reads a whole console. The marker counts only as a whole line.
func judge(console []byte) verdict {
	for _, line := range provision.Lines(console) {
		if line == guestconfig.ReadyMarker {
			return verdict{ready: true}
		}
		if _, why, ok := strings.Cut(line, guestconfig.FailedMarker); ok {
			return verdict{err: fmt.Errorf("its init gave up: %s", why)}
		}
		if provision.Fatal(line) {
			return verdict{err: fmt.Errorf("its kernel failed: %s", withoutTime(line))}
		}
	}
	return verdict{}
}

var timestamp = regexp.MustCompile(`^\[ *[0-9]+\.[0-9]+\] `)

func withoutTime(line string) string { return timestamp.ReplaceAllString(line, "") }
