// Package stack reads a trace of the kernel's functions, as several of its files have it,
// so that the same trace of two builds reads the same. It knows none of these files.
package stack

import (
	"regexp"
	"strings"
)

// Most is how many functions tell one trace from another.
const Most = 5

// frame is a function, behind an address in brackets in some files, and before its module.
var frame = regexp.MustCompile(`^\s*(?:\[<[0-9a-f]+>\] )?([\w.]+)\+0x[0-9a-f]+/0x[0-9a-f]+( \[\w+\])?\s*$`)

// Frames are the first functions of a trace, the innermost first, without offsets. Those
// whose names begin in one of the given ways are left out. A module's are followed by its
// name, as in "ipvlan_rcv [ipvlan]".
func Frames(text string, without ...string) []string {
	frames := []string{}
	for line := range strings.Lines(text) {
		f := frame.FindStringSubmatch(line)
		if f == nil || begins(f[1], without) {
			continue
		}
		if frames = append(frames, f[1]+f[2]); len(frames) == Most {
			break
		}
	}
	return frames
}

func begins(name string, ways []string) bool {
	for _, way := range ways {
		if strings.HasPrefix(name, way) {
			return true
		}
	}
	return false
}
