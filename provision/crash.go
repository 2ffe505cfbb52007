package provision

import (
	"regexp"
	"slices"
	"strings"
)

// Crash is how a kernel failed, as its console tells.
type Crash struct {
	Complaint string // Its first line, without the time.
	// Frames are the first functions of its trace, the innermost first, without
	// offsets, so that the same failure of two builds reads the same, and without the
	// functions by which every kernel panics. A module's are followed by its name, as
	// in "ipvlan_rcv [ipvlan]".
	Frames []string
	// Hung says that it did not stop, but waits for something for ever.
	Hung bool
}

// crashFrames is how many functions tell one failure from another.
const crashFrames = 5

// hung is how a kernel that waits for ever complains, where it is told to panic then.
const hung = " blocked for more than "

// FirstCrash finds the first failure on a console; what a kernel complains of after it
// is often a consequence.
func FirstCrash(console []byte) (Crash, bool) {
	lines := Lines(console)
	at := slices.IndexFunc(lines, func(line string) bool { return Fatal(line) || strings.Contains(line, hung) })
	if at < 0 {
		return Crash{}, false
	}
	return Crash{Complaint: untimed(lines[at]), Frames: trace(lines[at:]), Hung: strings.Contains(lines[at], hung)}, true
}

// String is the complaint with its trace, in one line.
func (c Crash) String() string {
	if len(c.Frames) == 0 {
		return c.Complaint
	}
	return c.Complaint + " in " + strings.Join(c.Frames, " < ")
}

var (
	// printed is what a kernel puts before a line: the time, and with
	// CONFIG_PRINTK_CALLER the task or the processor.
	printed = regexp.MustCompile(`^\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?`)
	// framed is a function in a trace. One after "? " was on the stack, and may be of
	// a call that has ended.
	framed = regexp.MustCompile(`^ *([\w.]+)\+0x[0-9a-f]+/0x[0-9a-f]+( \[\w+\])?`)
	// failing is the function that an oops came from; its trace begins with the caller.
	// 0010 is the kernel's code segment: 0033 is a program's.
	failing = regexp.MustCompile(`^ *RIP: 0010:([\w.]+)\+0x[0-9a-f]+/0x[0-9a-f]+( \[\w+\])?`)
)

// panicking are the functions by which every kernel tells that it ends.
var panicking = []string{"dump_stack", "dump_stack_lvl", "panic", "vpanic", "show_stack"}

func untimed(line string) string { return printed.ReplaceAllString(line, "") }

// trace reads the frames below a complaint.
func trace(lines []string) (frames []string) {
	inTrace := false
	for _, line := range lines {
		line = untimed(line)
		found := framed.FindStringSubmatch(line)
		switch {
		case !inTrace && strings.HasPrefix(strings.TrimSpace(line), "Call Trace:"):
			inTrace = true
		case !inTrace && frames == nil:
			if found := failing.FindStringSubmatch(line); found != nil {
				frames = append(frames, found[1]+found[2])
			}
		case inTrace && strings.Contains(line, "</TASK>"), len(frames) == crashFrames:
			return frames
		case inTrace && found != nil && !slices.Contains(panicking, found[1]):
			frames = append(frames, found[1]+found[2])
		}
	}
	return frames
}
